import { infiniteQueryOptions } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';
import type { AuditFilter } from './audit-filter';

export type AuditEvent = Schemas['AuditEvent'];

/** Whose log it is: a tenant's, by its slug, or the platform's own. */
export type AuditOf = Readonly<{ tenant: string } | { platform: true }>;

export const auditQuery = (of: AuditOf, filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: 'tenant' in of ? ['tenants', of.tenant, 'audit', filter] : ['platform', 'audit', filter],
    queryFn: ({ pageParam }) => {
      const query = { ...filter, ...(pageParam === null ? {} : { cursor: pageParam }) };
      if (!('tenant' in of)) return unwrap(api.GET('/v1/platform/audit', { params: { query } }));
      return unwrap(api.GET('/v1/tenants/{tenant}/audit', { params: { path: { tenant: of.tenant }, query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

/** A file with all that the filter lets through. The browser fetches it itself, so it may be of any size. */
export function auditExportUrl(of: AuditOf, filter: AuditFilter, format: 'csv' | 'ndjson'): string {
  const query = new URLSearchParams({ ...filter, format });
  const place = 'tenant' in of ? `tenants/${encodeURIComponent(of.tenant)}` : 'platform';
  return `/v1/${place}/audit/export?${query}`;
}
