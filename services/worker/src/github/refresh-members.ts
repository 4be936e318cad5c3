import type { GithubMemberStore, GithubTeam, MemberRules } from '@wherry/db';
import { type MemberRole, roleFromGithub } from '@wherry/domain';
import { type GithubClient, isGithub, pages } from '@wherry/github';
import { z } from 'zod';
import { appOf, type GithubConnection } from './github-connection';

const People = z.array(z.object({ id: z.int() }));
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
    return members.replace(tenantId, await rolesOf(client, rules), await allTeams(client, rules.account.id));
  }
}

async function rolesOf(client: GithubClient, rules: MemberRules): Promise<ReadonlyMap<number, MemberRole>> {
  // By numbers: a name that the organisation or a team gave up may be somebody else's, who would decide who owns this.
  const org_id = rules.account.id;
  const admins = await peopleOf(client, 'GET /organizations/{org_id}/members', { org_id, role: 'admin' });
  const everyone = await peopleOf(client, 'GET /organizations/{org_id}/members', { org_id });
  const teamsOf = new Map<number, number[]>();
  for (const { id: team_id } of rules.teams) {
    const inTeam = await peopleOf(client, 'GET /organizations/{org_id}/team/{team_id}/members', { org_id, team_id });
    for (const id of inTeam) teamsOf.set(id, [...(teamsOf.get(id) ?? []), team_id]);
  }
  const teamRoles = new Map(rules.teams.map(({ id, role }) => [id, role]));
  const { memberRole } = rules;
  return new Map(
    [...everyone].flatMap((id): [number, MemberRole][] => {
      const organizationRole = admins.has(id) ? 'admin' : 'member';
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
