import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';

export type PlatformTenant = Schemas['PlatformTenant'];

const tenantsKey = ['platform', 'tenants'] as const;

/** All tenants of the platform, for its operators. */
export const platformTenantsQuery = queryOptions({
  queryKey: tenantsKey,
  queryFn: async () => (await unwrap(api.GET('/v1/platform/tenants'))).tenants,
});

export const suspendTenant = (tenant: string, reason: string) =>
  unwrap(api.POST('/v1/platform/tenants/{tenant}/suspend', { params: { path: { tenant } }, body: { reason } }));

export const unsuspendTenant = (tenant: string) =>
  unwrap(api.POST('/v1/platform/tenants/{tenant}/unsuspend', { params: { path: { tenant } }, body: {} }));

/** Ends a suspended tenant for good. The slug is sent once more, as the operator typed it. */
export const deleteTenant = (tenant: string, slug: string) =>
  unwrap(api.POST('/v1/platform/tenants/{tenant}/delete', { params: { path: { tenant } }, body: { slug } }));

/** A file with all that is known of a tenant. The browser fetches it itself, so it may be of any size. */
export function tenantExportUrl(tenant: string): string {
  return `/v1/platform/tenants/${encodeURIComponent(tenant)}/export`;
}

/** A change of one tenant, after which all are read again. */
export function useTenantChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: tenantsKey }),
  });
}
