import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { ApiError, unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';

export type Deployment = Schemas['Deployment'];
export type DeploymentDetail = Schemas['DeploymentDetail'];
export type DeploymentStatus = Deployment['status'];

export const deploymentStatuses: readonly DeploymentStatus[] = [
  ...(['queued', 'building', 'releasing', 'live', 'retired'] as const),
  ...(['failed', 'superseded', 'skipped', 'cancelled'] as const),
];

/** Whether the platform still works on it. */
export function isUnderWay(status: DeploymentStatus): boolean {
  return status === 'queued' || status === 'building' || status === 'releasing';
}

/** Whether a release of it, such as a rollback to it, is under way. */
export function isMoving({ releases }: Pick<DeploymentDetail, 'releases'>): boolean {
  return releases.some(({ status }) => status === 'pending' || status === 'routed');
}

/** `environment`: by name; all when left out. */
export type DeploymentFilter = Readonly<{ repository?: string; environment?: string; status?: DeploymentStatus }>;

const deploymentsKey = (tenant: string) => ['tenants', tenant, 'deployments'] as const;

export const deploymentsQuery = (tenant: string, filter: DeploymentFilter) =>
  infiniteQueryOptions({
    queryKey: [...deploymentsKey(tenant), filter],
    queryFn: ({ pageParam }) => {
      const query = { ...filter, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET('/v1/tenants/{tenant}/deployments', { params: { path: { tenant }, query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: ({ state }) => {
      const isBusy = state.data?.pages[0]?.deployments.some(({ status }) => isUnderWay(status));
      return isBusy ? 1_500 : 5_000;
    },
  });

export const deploymentQuery = (tenant: string, id: string) =>
  queryOptions({
    queryKey: [...deploymentsKey(tenant), 'one', id],
    queryFn: () => {
      const params = { path: { tenant, deployment: id } };
      return unwrap(api.GET('/v1/tenants/{tenant}/deployments/{deployment}', { params }));
    },
    // While it is built the stream tells every change; a rollback moves it afterwards.
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? 1_000 : 5_000),
  });

/** The tenant that has a deployment, among those one is a member of; null when none has. Ids are unique everywhere. */
export const tenantOfDeploymentQuery = (tenants: readonly string[], id: string) =>
  queryOptions({
    queryKey: ['tenant-of-deployment', id, tenants],
    queryFn: async () => {
      for (const tenant of tenants) {
        const params = { path: { tenant, deployment: id } };
        try {
          await unwrap(api.GET('/v1/tenants/{tenant}/deployments/{deployment}', { params }));
          return tenant;
        } catch (error) {
          // Not there, or not for this person to see: the next tenant may have it.
          if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 403)) throw error;
        }
      }
      return null;
    },
  });

function useChange<T>(tenant: string, change: () => Promise<T>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['tenants', tenant] }),
  });
}

export function useCancel(tenant: string, id: string) {
  const params = { path: { tenant, deployment: id } };
  return useChange(tenant, () =>
    unwrap(api.POST('/v1/tenants/{tenant}/deployments/{deployment}/cancel', { params, body: {} })),
  );
}

export function useRollback(tenant: string, id: string) {
  const params = { path: { tenant, deployment: id } };
  return useChange(tenant, () =>
    unwrap(api.POST('/v1/tenants/{tenant}/deployments/{deployment}/rollback', { params, body: {} })),
  );
}

export function useResume(tenant: string, repository: string) {
  const params = { path: { tenant, repository } };
  return useChange(tenant, () =>
    unwrap(api.POST('/v1/tenants/{tenant}/repositories/{repository}/resume', { params, body: {} })),
  );
}

export function useRedeploy(tenant: string, repository: string) {
  const params = { path: { tenant, repository } };
  return useChange(tenant, () =>
    unwrap(api.POST('/v1/tenants/{tenant}/repositories/{repository}/redeploy', { params, body: {} })),
  );
}
