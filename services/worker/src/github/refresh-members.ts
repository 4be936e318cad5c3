import type { GithubMemberStore, GithubTeam, MemberRules } from '@wherry/db';
import { type GithubStanding, type MemberRole, roleFromGithub } from '@wherry/domain';
import { ask, type GithubClient, isGithub, pages, unlessGone } from '@wherry/github';
import { z } from 'zod';
import { appOf, type GithubConnection } from './github-connection';

const People = z.array(z.object({ id: z.int() }));
const Named = z.object({ login: z.string().min(1) });
const Membership = z.object({
  state: z.string(),
  role: z.enum(['admin', 'member', 'billing_manager']),
  user: z.object({ id: z.int() }).nullish(),
});
const Teams = z.array(z.object({ id: z.int(), slug: z.string() }));

/** Makes the memberships of a tenant what its organisation on GitHub says now. */
export class RefreshMembers {
  constructor(private readonly parts: Readonly<{ connection: GithubConnection; members: GithubMemberStore }>) {}

  /** Returns how many memberships changed. @throws GithubError: then nobody gains or loses anything. */
  async execute(tenantId: string): Promise<number> {
    const { connection, members } = this.parts;
    const rules = await members.rules(tenantId);
    if (!rules) return 0;
    if (rules.account.type === 'User') return members.replace(tenantId, new Map([[rules.account.id, 'owner']]));
    const client = (await appOf(connection)).installation(rules.installationId);
    const found = await peopleOfOrganisation(client, rules.account.id);
    for (const id of await members.given(tenantId)) {
      const role = found.get(id) ?? (await organizationRoleOf(client, rules.account.id, id));
      if (role !== null) found.set(id, role);
    }
    return members.replace(tenantId, await rolesOf(client, rules, found), await allTeams(client, rules.account.id));
  }
}

/** GitHub's number of a person → what they are in the organisation. */
type OrganizationRoles = Map<number, GithubStanding['organizationRole']>;

/** Its owners and members. Who only sees its bills is in no list. */
async function peopleOfOrganisation(client: GithubClient, org_id: number): Promise<OrganizationRoles> {
  // By numbers: a name that the organisation or a team gave up may be somebody else's, who would decide who owns this.
  const admins = await peopleOf(client, 'GET /organizations/{org_id}/members', { org_id, role: 'admin' });
  const everyone = await peopleOf(client, 'GET /organizations/{org_id}/members', { org_id });
  return new Map([...everyone].map((id) => [id, admins.has(id) ? 'admin' : 'member']));
}

/**
 * What somebody is in the organisation who is not among its members: a billing manager, or one whom a list has missed because
 * it moved while it was read. Null for whoever left. GitHub has to be asked by the name of now, and answers whose it is.
 */
async function organizationRoleOf(
  client: GithubClient,
  org_id: number,
  id: number,
): Promise<GithubStanding['organizationRole'] | null> {
  const route = 'GET /organizations/{org_id}/memberships/{username}';
  const named = await unlessGone(() => ask(client, Named, 'GET /user/{id}', { id }));
  const found = named && (await unlessGone(() => ask(client, Membership, route, { org_id, username: named.login })));
  return found?.state === 'active' && found.user?.id === id ? found.role : null;
}

async function rolesOf(
  client: GithubClient,
  rules: MemberRules,
  people: OrganizationRoles,
): Promise<ReadonlyMap<number, MemberRole>> {
  const org_id = rules.account.id;
  const teamsOf = new Map<number, number[]>();
  for (const { id: team_id } of rules.teams) {
    const inTeam = await peopleOf(client, 'GET /organizations/{org_id}/team/{team_id}/members', { org_id, team_id });
    for (const id of inTeam) teamsOf.set(id, [...(teamsOf.get(id) ?? []), team_id]);
  }
  const teamRoles = new Map(rules.teams.map(({ id, role }) => [id, role]));
  const { memberRole } = rules;
  return new Map(
    [...people].flatMap(([id, organizationRole]): [number, MemberRole][] => {
      const role = roleFromGithub({ organizationRole, teamIds: teamsOf.get(id) ?? [], teamRoles, memberRole });
      return role === null ? [] : [[id, role]];
    }),
  );
}

/** All teams of the organisation, also those that nobody gave a role yet. */
async function allTeams(client: GithubClient, org_id: number): Promise<GithubTeam[]> {
  const found: GithubTeam[] = [];
  for await (const page of pages(client, Teams, 'GET /organizations/{org_id}/teams', { org_id })) found.push(...page);
  return found;
}

async function peopleOf(
  client: GithubClient,
  route: string,
  of: Readonly<Record<string, string | number>>,
): Promise<ReadonlySet<number>> {
  const ids = new Set<number>();
  try {
    for await (const page of pages(client, People, route, of)) page.forEach(({ id }) => ids.add(id));
  } catch (error) {
    // A team that was deleted a moment ago has nobody in it; an organisation that cannot be seen is another matter.
    if (!('team_id' in of) || !isGithub(error, 'gone')) throw error;
  }
  return ids;
}
