import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';
import { useTenant } from '../session/session';

export type Repository = Schemas['Repository'];
export type GithubSource = NonNullable<Repository['github']>;
export type RepositorySettings = GithubSource['settings'];

const repositoriesKey = (tenant: string) => ['tenants', tenant, 'repositories'] as const;

export const repositoriesQuery = (tenant: string) =>
  queryOptions({
    queryKey: repositoriesKey(tenant),
    queryFn: async () => {
      const params = { path: { tenant } };
      return (await unwrap(api.GET('/v1/tenants/{tenant}/repositories', { params }))).repositories;
    },
    refetchInterval: 5_000,
  });

export const repositoryQuery = (tenant: string, repository: string) =>
  queryOptions({
    queryKey: [...repositoriesKey(tenant), repository],
    queryFn: () =>
      unwrap(api.GET('/v1/tenants/{tenant}/repositories/{repository}', { params: { path: { tenant, repository } } })),
    refetchInterval: 5_000,
  });

export function useSaveSettings(repository: string) {
  const { slug } = useTenant();
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: RepositorySettings) => {
      const params = { path: { tenant: slug, repository } };
      return unwrap(api.PUT('/v1/tenants/{tenant}/repositories/{repository}/settings', { params, body }));
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: repositoriesKey(slug) }),
  });
}
