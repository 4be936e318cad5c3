import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';
import type { Place } from '../session/place';

export type WherryFunction = Schemas['Function'];
export type Revision = Schemas['Revision'];

const settled = ['live', 'asleep', 'failed'];

/** A function that is on its way is looked at more often. */
function pace(functions: readonly WherryFunction[] | undefined): number {
  return functions?.every(({ status }) => settled.includes(status)) ? 5_000 : 1_500;
}

/** Of an environment: everything about its functions. Names are given anew in each. */
const functionsKey = ({ tenant, environment }: Place) => ['tenants', tenant, 'functions', environment] as const;

export const functionsQuery = (place: Place) =>
  queryOptions({
    queryKey: functionsKey(place),
    queryFn: async () => {
      const { tenant, environment } = place;
      const params = { path: { tenant }, query: { environment } };
      return (await unwrap(api.GET('/v1/tenants/{tenant}/functions', { params }))).functions;
    },
    refetchInterval: ({ state }) => pace(state.data),
  });

export const functionQuery = (place: Place, name: string) =>
  queryOptions({
    queryKey: [...functionsKey(place), name],
    queryFn: () => {
      const { tenant, environment } = place;
      const params = { path: { tenant, function: name }, query: { environment } };
      return unwrap(api.GET('/v1/tenants/{tenant}/functions/{function}', { params }));
    },
    refetchInterval: ({ state }) => (state.data ? pace([state.data]) : false),
  });

export const revisionsQuery = (place: Place, name: string) =>
  infiniteQueryOptions({
    queryKey: [...functionsKey(place), name, 'revisions'],
    queryFn: ({ pageParam }) => {
      const { tenant, environment } = place;
      const query = { environment, ...(pageParam === null ? {} : { cursor: pageParam }) };
      const params = { path: { tenant, function: name }, query };
      return unwrap(api.GET('/v1/tenants/{tenant}/functions/{function}/revisions', { params }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });
