import type { Json } from '../scenario';
import type { AccountState, TeamState } from '../world/types';
import type { World } from '../world/world';

/** ISO 8601 to the second, as GitHub writes times. */
export const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
export const timeOrNull = (ms: number | null): string | null => (ms === null ? null : time(ms));
/** GitHub's opaque second name of everything. */
export const node = (kind: string, id: number): string => Buffer.from(`${kind}${id}`).toString('base64url');

/** Schema `simple-user`; organisations have it too. */
export function renderAccount(world: World, account: AccountState): Json {
  return world.description.complete('simple-user', {
    login: account.login,
    id: account.id,
    node_id: node('U', account.id),
    avatar_url: `${world.url}/avatars/u/${account.id}`,
    gravatar_id: '',
    url: `${world.apiUrl}/users/${encodeURIComponent(account.login)}`,
    html_url: `${world.url}/${encodeURIComponent(account.login.replace(/\[bot\]$/, ''))}`,
    type: account.login.endsWith('[bot]') ? 'Bot' : account.type,
    site_admin: false,
  });
}

/** Schema `private-user` or `public-user`: what `/user` and `/users/{username}` answer. */
export function renderProfile(world: World, account: AccountState, isOwn: boolean): Json {
  return world.description.complete(isOwn ? 'private-user' : 'public-user', {
    ...renderAccount(world, account),
    name: account.name,
    // Other people see no address unless it was made public.
    email: isOwn ? account.email : null,
    company: null,
    blog: '',
    location: null,
    hireable: null,
    bio: null,
    created_at: time(account.createdAt),
    updated_at: time(account.createdAt),
  });
}

/** Schema `organization-simple`. */
export function renderOrganisation(world: World, account: AccountState): Json {
  return world.description.complete('organization-simple', {
    login: account.login,
    id: account.id,
    node_id: node('O', account.id),
    url: `${world.apiUrl}/orgs/${account.login}`,
    avatar_url: `${world.url}/avatars/u/${account.id}`,
    description: null,
  });
}

/** Schema `team`. */
export function renderTeam(world: World, organisation: AccountState, team: TeamState): Json {
  return world.description.complete('team', {
    id: team.id,
    node_id: node('T', team.id),
    name: team.slug,
    slug: team.slug,
    description: null,
    privacy: 'closed',
    notification_setting: 'notifications_enabled',
    permission: 'pull',
    url: `${world.apiUrl}/organizations/${organisation.id}/team/${team.id}`,
    html_url: `${world.url}/orgs/${organisation.login}/teams/${team.slug}`,
    members_url: `${world.apiUrl}/organizations/${organisation.id}/team/${team.id}/members{/member}`,
    repositories_url: `${world.apiUrl}/organizations/${organisation.id}/team/${team.id}/repos`,
    type: 'organization',
    organization_id: organisation.id,
    parent: null,
  });
}

/** Schema `org-membership`. */
export function renderMembership(world: World, organisation: AccountState, member: AccountState): Json {
  return {
    url: `${world.apiUrl}/orgs/${organisation.login}/memberships/${member.login}`,
    state: 'active',
    role: organisation.members.get(member.id) ?? 'member',
    organization_url: `${world.apiUrl}/orgs/${organisation.login}`,
    organization: renderOrganisation(world, organisation),
    user: renderAccount(world, member),
  };
}
