import { queryOptions } from '@tanstack/react-query';
import { unwrap, type paths } from '@wherry/api-client';
import { api } from '../api';
import type { Place } from '../session/place';
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
export const functionUsageQuery = ({ tenant, environment }: Place, name: string, range: UsageRange) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'functions', environment, name, 'usage', range],
    queryFn: () => {
      const query = { environment, ...usageSpan(range, Date.now()) };
      const params = { path: { tenant, function: name }, query };
      return unwrap(api.GET('/v1/tenants/{tenant}/functions/{function}/usage', { params }));
    },
    refetchInterval,
  });
