import { queryOptions } from '@tanstack/react-query';
import { unwrap, type paths } from '@wherry/api-client';
import { api } from '../api';
import { usageSpan, type UsageRange } from './usage-hours';

export type Usage = paths['/v1/tenants/{tenant}/usage']['get']['responses'][200]['content']['application/json'];
export type FunctionUsage =
  paths['/v1/tenants/{tenant}/functions/{function}/usage']['get']['responses'][200]['content']['application/json'];

const refetchInterval = 15_000;

/** A tenant's usage in a range that ends now. */
export const tenantUsageQuery = (tenant: string, range: UsageRange) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'usage', range],
    queryFn: () => {
      const params = { path: { tenant }, query: usageSpan(range, Date.now()) };
      return unwrap(api.GET('/v1/tenants/{tenant}/usage', { params }));
    },
    refetchInterval,
  });

/** A function's usage in a range that ends now. */
export const functionUsageQuery = (tenant: string, name: string, range: UsageRange) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'functions', name, 'usage', range],
    queryFn: () => {
      const params = { path: { tenant, function: name }, query: usageSpan(range, Date.now()) };
      return unwrap(api.GET('/v1/tenants/{tenant}/functions/{function}/usage', { params }));
    },
    refetchInterval,
  });
