import { queryOptions } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';

export type Repository = Schemas['Repository'];

export const repositoriesQuery = (tenant: string) =>
  queryOptions({
    queryKey: ['tenants', tenant, 'repositories'],
    queryFn: async () => {
      const params = { path: { tenant } };
      return (await unwrap(api.GET('/v1/tenants/{tenant}/repositories', { params }))).repositories;
    },
    refetchInterval: 5_000,
  });
