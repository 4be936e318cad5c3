import { infiniteQueryOptions } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';
import type { AuditFilter } from './audit-filter';

export type AuditEvent = Schemas['AuditEvent'];

export const auditQuery = (tenant: string, filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ['tenants', tenant, 'audit', filter],
    queryFn: ({ pageParam }) => {
      const query = { ...filter, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET('/v1/tenants/{tenant}/audit', { params: { path: { tenant }, query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

/** A file with all that the filter lets through. The browser fetches it itself, so it may be of any size. */
export function auditExportUrl(tenant: string, filter: AuditFilter, format: 'csv' | 'ndjson'): string {
  const query = new URLSearchParams({ ...filter, format });
  return `/v1/tenants/${encodeURIComponent(tenant)}/audit/export?${query}`;
}
