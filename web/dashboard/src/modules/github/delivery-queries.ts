import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';
import type { DeliveryFilter } from './delivery-filter';

export type Delivery = Schemas['GithubDelivery'];
export type DeliveryDetail = Schemas['GithubDeliveryDetail'];

const deliveriesKey = (tenant: string) => ['tenants', tenant, 'deliveries'] as const;

export const deliveriesQuery = (tenant: string, filter: DeliveryFilter) =>
  infiniteQueryOptions({
    queryKey: [...deliveriesKey(tenant), filter],
    queryFn: ({ pageParam }) => {
      const query = { ...filter, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET('/v1/tenants/{tenant}/deliveries', { params: { path: { tenant }, query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: 5_000,
  });

export const deliveryQuery = (tenant: string, id: string) =>
  queryOptions({
    queryKey: [...deliveriesKey(tenant), 'one', id],
    queryFn: () => {
      const params = { path: { tenant, delivery: id } };
      return unwrap(api.GET('/v1/tenants/{tenant}/deliveries/{delivery}', { params }));
    },
    // Until it is handled its outcome is awaited.
    refetchInterval: ({ state }) => (state.data?.status === 'received' ? 1_000 : 10_000),
  });

export function useReplay(tenant: string, id: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => {
      const params = { path: { tenant, delivery: id } };
      return unwrap(api.POST('/v1/tenants/{tenant}/deliveries/{delivery}/replay', { params, body: {} }));
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: deliveriesKey(tenant) }),
  });
}

const unclaimedKey = ['platform', 'deliveries'] as const;

/** Deliveries that belong to no tenant, such as of an account that has not installed the App. For operators. */
export const unclaimedDeliveriesQuery = (filter: DeliveryFilter) =>
  infiniteQueryOptions({
    queryKey: [...unclaimedKey, filter],
    queryFn: ({ pageParam }) => {
      const query = { ...filter, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET('/v1/github/deliveries', { params: { query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: 5_000,
  });

export function useUnclaimedReplay() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (delivery: string) =>
      unwrap(api.POST('/v1/github/deliveries/{delivery}/replay', { params: { path: { delivery } }, body: {} })),
    onSettled: () => queryClient.invalidateQueries({ queryKey: unclaimedKey }),
  });
}
