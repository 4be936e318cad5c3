import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';

export type WherryFunction = Schemas['Function'];
export type Revision = Schemas['Revision'];

const settled = ['live', 'asleep', 'failed'];

/** A function that is on its way is looked at more often. */
function pace(functions: readonly WherryFunction[] | undefined): number {
  return functions?.every(({ status }) => settled.includes(status)) ? 5_000 : 1_500;
}

export const functionsQuery = (tenant: string) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'functions'],
    queryFn: async () => {
      const params = { path: { tenant } };
      return (await unwrap(api.GET('/v1/tenants/{tenant}/functions', { params }))).functions;
    },
    refetchInterval: ({ state }) => pace(state.data),
  });

export const functionQuery = (tenant: string, name: string) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'functions', name],
    queryFn: () => {
      const params = { path: { tenant, function: name } };
      return unwrap(api.GET('/v1/tenants/{tenant}/functions/{function}', { params }));
    },
    refetchInterval: ({ state }) => (state.data ? pace([state.data]) : false),
  });

export const revisionsQuery = (tenant: string, name: string) =>
  infiniteQueryOptions({
    queryKey: ['tenants', tenant, 'functions', name, 'revisions'],
    queryFn: ({ pageParam }) => {
      const query = pageParam === null ? {} : { cursor: pageParam };
      const params = { path: { tenant, function: name }, query };
      return unwrap(api.GET('/v1/tenants/{tenant}/functions/{function}/revisions', { params }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
