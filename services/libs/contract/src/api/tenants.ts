import { z } from 'zod';
import { Id, Instant, InstantOrNull, TenantParam } from './common';
import { operation } from './operation';

/** A tenant as operators of the platform see it. */
export const PlatformTenant = z
  .strictObject({
    id: Id,
    slug: z.string(),
    name: z.string(),
    githubLogin: z.string().nullable(),
    createdAt: Instant,
    suspendedAt: InstantOrNull,
    suspendedBy: z.enum(['operator', 'github']).nullable(),
    deletedAt: InstantOrNull,
  })
  .meta({ id: 'PlatformTenant' });

export const tenantOperations = {
  listPlatformTenants: operation({
    method: 'GET',
    path: '/v1/platform/tenants',
    tag: 'platform',
    summary: 'All tenants of the platform, by slug.',
    auth: 'operator',
    response: { kind: 'json', status: 200, schema: z.strictObject({ tenants: z.array(PlatformTenant) }) },
    errors: [],
  }),
  suspendTenant: operation({
    method: 'POST',
    path: '/v1/platform/tenants/{tenant}/suspend',
    tag: 'platform',
    summary: 'Stop a tenant at once: its routes are off, its workloads end, its members and tokens are shut out.',
    auth: 'operator',
    params: TenantParam,
    body: z.strictObject({ reason: z.string().trim().max(500).default('') }),
    response: { kind: 'json', status: 200, schema: PlatformTenant },
    errors: ['tenant.not_found'],
  }),
  exportTenant: operation({
    method: 'GET',
    path: '/v1/platform/tenants/{tenant}/export',
    tag: 'platform',
    summary: 'All that the platform knows of a tenant, but secret values: a line of JSON, {table, row}, for each row.',
    auth: 'operator',
    params: TenantParam,
    response: { kind: 'file', types: ['application/x-ndjson'] },
    errors: ['tenant.not_found'],
  }),
  deleteTenant: operation({
    method: 'POST',
    path: '/v1/platform/tenants/{tenant}/delete',
    tag: 'platform',
    summary: 'Delete a suspended tenant for good. Its rows and repositories go as soon as nothing of it runs any more.',
    auth: 'operator',
    params: TenantParam,
    body: z.strictObject({
      slug: z.string().max(64).meta({ description: 'The slug once more, so that none is deleted by mistake.' }),
    }),
    response: { kind: 'json', status: 202, schema: PlatformTenant },
    errors: ['tenant.not_found', 'tenant.not_suspended'],
  }),
  unsuspendTenant: operation({
    method: 'POST',
    path: '/v1/platform/tenants/{tenant}/unsuspend',
    tag: 'platform',
    summary: 'Let a suspended tenant go on as it was.',
    auth: 'operator',
    params: TenantParam,
    body: z.strictObject({}),
    response: { kind: 'json', status: 200, schema: PlatformTenant },
    errors: ['tenant.not_found'],
  }),
};
