import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { unwrap, type Schemas } from '@wherry/api-client';
import { api } from '../api';
import type { Role } from '../session/session';

export type Member = Schemas['Member'];
export type GithubRoles = Schemas['GithubRoles'];
export type GithubTeam = GithubRoles['teams'][number];
export type MemberRole = GithubRoles['memberRole'];

const membersKey = (tenant: string) => ['tenants', tenant, 'members'] as const;

export const membersQuery = (tenant: string) =>
  queryOptions({
    queryKey: membersKey(tenant),
    queryFn: async () =>
      (await unwrap(api.GET('/v1/tenants/{tenant}/members', { params: { path: { tenant } } }))).members,
    refetchInterval: 10_000,
  });

export const githubRolesQuery = (tenant: string) =>
  queryOptions({
    queryKey: [...membersKey(tenant), 'github-roles'],
    queryFn: () => unwrap(api.GET('/v1/tenants/{tenant}/github-roles', { params: { path: { tenant } } })),
  });

export const setMemberRole = (tenant: string, { user, role }: { user: string; role: Role }) =>
  unwrap(api.PUT('/v1/tenants/{tenant}/members/{user}', { params: { path: { tenant, user } }, body: { role } }));

export const removeMember = (tenant: string, user: string) =>
  unwrap(api.DELETE('/v1/tenants/{tenant}/members/{user}', { params: { path: { tenant, user } } }));

export const setGithubMemberRole = (tenant: string, role: MemberRole) =>
  unwrap(api.PUT('/v1/tenants/{tenant}/github-roles/members', { params: { path: { tenant } }, body: { role } }));

export const setGithubTeamRole = (tenant: string, { team, role }: { team: string; role: Role | null }) =>
  unwrap(
    api.PUT('/v1/tenants/{tenant}/github-roles/teams/{team}', { params: { path: { tenant, team } }, body: { role } }),
  );

/** A change of who may do what, after which both are read again. */
export function useMemberChange<Input, Output>(tenant: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: membersKey(tenant) }),
  });
}
