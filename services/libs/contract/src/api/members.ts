import { z } from 'zod';
import { Id, Instant, InstantOrNull, Role, TenantParam } from './common';
import { operation } from './operation';

/** Somebody who belongs to a tenant. */
export const Member = z
  .strictObject({
    userId: Id,
    name: z.string(),
    githubLogin: z.string().nullable(),
    role: Role,
    source: z.enum(['manual', 'github']).meta({ description: 'Who gave the role, and so who takes it away again.' }),
    since: Instant,
    refreshedAt: InstantOrNull.meta({ description: 'When GitHub was asked last; null for roles given by hand.' }),
  })
  .meta({ id: 'Member' });

/** A number of GitHub's, as text in a path. */
const GithubId = z.string().regex(/^[1-9]\d{0,15}$/, 'a number of GitHub');
const MemberParam = TenantParam.extend({ user: Id });
const TeamParam = TenantParam.extend({ team: GithubId });
/** What members of an organisation become who are in no team with a role; owning is not for everybody. */
const GithubMemberRole = z.enum(['developer', 'viewer', 'billing']);

export const GithubTeam = z
  .strictObject({ id: GithubId, slug: z.string(), role: Role.nullable() })
  .meta({ id: 'GithubTeam', description: 'A team of the organisation, with the role that it gives; null: none.' });

export const GithubRoles = z
  .strictObject({
    organization: z.string().nullable().meta({ description: 'Its name now; null for a tenant that is not on GitHub.' }),
    memberRole: GithubMemberRole.nullable().meta({
      description: 'Of members who are in none of the teams; null: none.',
    }),
    teams: z.array(GithubTeam),
  })
  .meta({ id: 'GithubRoles' });

export const memberOperations = {
  listMembers: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/members',
    tag: 'members',
    summary: 'Who belongs to the tenant, by name, and where their role comes from.',
    auth: 'tenant:viewer',
    params: TenantParam,
    response: { kind: 'json', status: 200, schema: z.strictObject({ members: z.array(Member) }) },
    errors: [],
  }),
  setMemberRole: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/members/{user}',
    tag: 'members',
    summary: 'Change a role that was given by hand.',
    auth: 'tenant:owner',
    tokens: 'refused',
    params: MemberParam,
    body: z.strictObject({ role: Role }),
    response: { kind: 'json', status: 200, schema: Member },
    errors: ['member.not_found', 'member.from_github', 'member.last_owner'],
  }),
  removeMember: operation({
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/members/{user}',
    tag: 'members',
    summary: 'Take away a membership that was given by hand. It ends at once, everywhere.',
    auth: 'tenant:owner',
    tokens: 'refused',
    params: MemberParam,
    response: { kind: 'empty' },
    errors: ['member.not_found', 'member.from_github', 'member.last_owner'],
  }),
  getGithubRoles: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/github-roles',
    tag: 'members',
    summary: "What members of the organisation on GitHub and of its teams may do here. GitHub's owners are owners.",
    auth: 'tenant:owner',
    tokens: 'refused',
    params: TenantParam,
    response: { kind: 'json', status: 200, schema: GithubRoles },
    errors: [],
  }),
  setGithubMemberRole: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/github-roles/members',
    tag: 'members',
    summary: 'The role of members of the organisation who are in no team with a role. Takes effect within minutes.',
    auth: 'tenant:owner',
    tokens: 'refused',
    params: TenantParam,
    body: z.strictObject({ role: GithubMemberRole.nullable() }),
    response: { kind: 'json', status: 200, schema: GithubRoles },
    errors: [],
  }),
  setGithubTeamRole: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/github-roles/teams/{team}',
    tag: 'members',
    summary: 'The role that a team of the organisation gives, or null for none. Takes effect within minutes.',
    auth: 'tenant:owner',
    tokens: 'refused',
    params: TeamParam,
    body: z.strictObject({ role: Role.nullable() }),
    response: { kind: 'json', status: 200, schema: GithubRoles },
    errors: ['team.not_found'],
  }),
};
