import { z } from 'zod';
import { Count, EnvironmentName, FunctionParam, Id, Instant, TenantParam } from './common';
import { operation } from './operation';

/** The platform's meters, added up. */
export const Meters = z
  .strictObject({
    invocations: Count,
    errors: Count,
    durationMs: Count,
    gbSeconds: z.number().min(0).meta({ description: 'Configured GiB × billed seconds of invocations.' }),
    idleGbSeconds: z.number().min(0).meta({ description: 'The same, of replicas kept warm by a minimum count.' }),
    responseBytes: Count,
    buildSeconds: z.number().min(0),
    logBytes: Count,
  })
  .meta({ id: 'Meters' });
export type Meters = z.infer<typeof Meters>;

export const UsageHour = Meters.extend({ hour: Instant.meta({ description: 'The start of the hour.' }) }).meta({
  id: 'UsageHour',
});

/** Whole hours: `from` is rounded down, `to` up. The last 24 hours when missing; at most 92 days. */
export const UsageQuery = z.strictObject({ from: Instant.optional(), to: Instant.optional() });

export const usageOperations = {
  getFunctionUsage: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/functions/{function}/usage',
    tag: 'usage',
    summary: "A function's usage by hour; hours without any are left out.",
    auth: 'tenant:billing',
    params: FunctionParam,
    query: UsageQuery.extend({ environment: EnvironmentName }),
    response: {
      kind: 'json',
      status: 200,
      schema: z.strictObject({ from: Instant, to: Instant, total: Meters, hours: z.array(UsageHour) }),
    },
    errors: ['function.not_found', 'environment.not_found'],
  }),
  getUsage: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/usage',
    tag: 'usage',
    summary: "A tenant's usage, in all, by function and by hour; removed functions included.",
    auth: 'tenant:billing',
    params: TenantParam,
    query: UsageQuery,
    response: {
      kind: 'json',
      status: 200,
      schema: z.strictObject({
        from: Instant,
        to: Instant,
        total: Meters,
        functions: z.array(Meters.extend({ functionId: Id, name: z.string(), isRemoved: z.boolean() })),
        hours: z.array(UsageHour),
      }),
    },
    errors: [],
  }),
};
