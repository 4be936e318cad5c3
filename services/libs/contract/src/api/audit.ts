import { z } from 'zod';
import { Cursor, Instant, limitOf, TenantParam } from './common';
import { operation } from './operation';

/** One change: who did what to what. Never changed afterwards. */
export const AuditEvent = z
  .strictObject({
    id: z.string().meta({ description: 'Grows from event to event of a log.' }),
    at: Instant,
    actor: z.strictObject({
      kind: z.enum(['user', 'token', 'github', 'platform']),
      id: z.string().nullable().meta({ description: 'Of the user or the token.' }),
      name: z.string().meta({ description: 'As it was then.' }),
    }),
    action: z.string().meta({ description: '<noun>.<verb>, such as secret.set.' }),
    target: z.string().meta({ description: 'Such as secret/api-key.' }),
    details: z.record(z.string(), z.unknown()),
    requestId: z.string().nullable().meta({ description: "As in the platform's own log." }),
  })
  .meta({ id: 'AuditEvent' });

const Filter = z.strictObject({
  actor: z.string().min(1).max(100).optional().meta({ description: "A user's or token's id, or a name." }),
  action: z
    .string()
    .regex(/^[a-z_]+(\.[a-z_]+)?$/)
    .max(60)
    .optional()
    .meta({ description: 'One action such as secret.set, or all of a noun such as secret.' }),
  from: Instant.optional(),
  to: Instant.optional().meta({ description: 'Before this instant.' }),
});

const ListQuery = Filter.extend({ limit: limitOf(200, 50), cursor: Cursor.regex(/^\d{1,18}$/).optional() });
const ExportQuery = Filter.extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') });
const Events = z.strictObject({ events: z.array(AuditEvent), nextCursor: Cursor.nullable() });
const exported = { kind: 'file', types: ['application/x-ndjson', 'text/csv'] } as const;

export const auditOperations = {
  listAudit: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/audit',
    tag: 'audit',
    summary: 'Changes, newest first.',
    auth: 'tenant:owner',
    params: TenantParam,
    query: ListQuery,
    response: { kind: 'json', status: 200, schema: Events },
    errors: [],
  }),
  exportAudit: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/audit/export',
    tag: 'audit',
    summary: 'All changes, oldest first, as a file: one AuditEvent per line as JSON, or CSV for spreadsheets.',
    auth: 'tenant:owner',
    params: TenantParam,
    query: ExportQuery,
    response: exported,
    errors: [],
  }),
  listPlatformAudit: operation({
    method: 'GET',
    path: '/v1/platform/audit',
    tag: 'platform',
    summary:
      "Changes of the platform itself and of its list of tenants, newest first. What is a tenant's is in its own log.",
    auth: 'operator',
    query: ListQuery,
    response: { kind: 'json', status: 200, schema: Events },
    errors: [],
  }),
  exportPlatformAudit: operation({
    method: 'GET',
    path: '/v1/platform/audit/export',
    tag: 'platform',
    summary: 'All changes of the platform itself, oldest first, as a file like the export of a tenant.',
    auth: 'operator',
    query: ExportQuery,
    response: exported,
    errors: [],
  }),
};
