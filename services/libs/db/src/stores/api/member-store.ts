import type { MemberRole } from '@wherry/domain';
import { writeAudit, type Actor } from '../../audit';
import type { Database, Tx } from '../../database';

export type MemberRow = Readonly<{
  userId: string;
  name: string;
  githubLogin: string | null;
  role: MemberRole;
  source: 'manual' | 'github';
  since: Date;
  refreshedAt: Date | null;
}>;
export type GithubRolesRow = Readonly<{
  organization: string | null;
  memberRole: Exclude<MemberRole, 'owner'> | null;
  teams: readonly Readonly<{ id: string; slug: string; role: MemberRole | null }>[];
}>;
/** Why a membership stays as it is; null when it was changed. */
export type MemberRefusal = 'missing' | 'from_github' | 'last_owner' | null;

/** Who belongs to a tenant, and what GitHub's teams give. */
export class ConsoleMemberStore {
  constructor(private readonly db: Database) {}

  async list(tenantId: string): Promise<readonly MemberRow[]> {
    return this.db.tenant(tenantId, (tx) => readMembers(tx));
  }

  /** Gives a member another role, or with null none at all. The last owner keeps theirs. */
  async setRole(tenantId: string, actor: Actor, userId: string, role: MemberRole | null): Promise<MemberRefusal> {
    return this.db.tenant(tenantId, async (tx) => {
      // Locked, in one order: of two owners who demote each other at once, the second finds the first one's doing.
      const owners = await tx.$queryRaw<{ userId: string }[]>`
        select user_id as "userId" from memberships where role = 'owner' order by user_id for update`;
      const [member] = (await readMembers(tx)).filter((one) => one.userId === userId);
      if (member === undefined) return 'missing';
      if (member.source === 'github') return 'from_github';
      if (member.role === role) return null;
      if (owners.length === 1 && owners[0]!.userId === userId) return 'last_owner';
      if (role === null) await tx.$executeRaw`delete from memberships where user_id = ${userId}`;
      else await tx.$executeRaw`update memberships set role = ${role} where user_id = ${userId}`;
      await writeAudit(tx, tenantId, actor, {
        action: role === null ? 'member.remove' : 'member.role',
        target: `member/${member.githubLogin ?? member.name}`,
        details: { user: userId, from: member.role, to: role },
      });
      return null;
    });
  }

  async githubRoles(tenantId: string): Promise<GithubRolesRow> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<Omit<GithubRolesRow, 'teams'>[]>`
        select github_login as organization, github_member_role as "memberRole" from tenants where id = ${tenantId}`;
      const teams = await tx.$queryRaw<GithubRolesRow['teams'][number][]>`
        select team_id::text as id, team_slug as slug, role from github_team_roles order by team_slug, team_id`;
      return { organization: null, memberRole: null, ...row, teams };
    });
  }

  /** What members of the organisation become who are in no team with a role. */
  async setGithubMemberRole(tenantId: string, actor: Actor, role: GithubRolesRow['memberRole']): Promise<void> {
    await this.db.tenant(tenantId, async (tx) => {
      const [former] = await tx.$queryRaw<{ role: string | null }[]>`
        select github_member_role as role from tenants where id = ${tenantId} for update`;
      if (former === undefined || former.role === role) return;
      await tx.$executeRaw`update tenants set github_member_role = ${role} where id = ${tenantId}`;
      await refreshSoon(tx);
      const details = { from: former.role, to: role };
      await writeAudit(tx, tenantId, actor, { action: 'github.member_role', target: 'github/members', details });
    });
  }

  /** The role that a team gives. @returns false when no such team is known in this tenant. */
  async setTeamRole(tenantId: string, actor: Actor, teamId: string, role: MemberRole | null): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const [team] = await tx.$queryRaw<{ slug: string; role: string | null }[]>`
        select team_slug as slug, role from github_team_roles where team_id = ${teamId}::bigint for update`;
      if (team === undefined) return false;
      if (team.role === role) return true;
      await tx.$executeRaw`update github_team_roles set role = ${role} where team_id = ${teamId}::bigint`;
      await refreshSoon(tx);
      const entry = { action: 'github.team_role', target: `github/team/${team.slug}` };
      await writeAudit(tx, tenantId, actor, { ...entry, details: { team: teamId, from: team.role, to: role } });
      return true;
    });
  }
}

function readMembers(tx: Tx): Promise<MemberRow[]> {
  return tx.$queryRaw<MemberRow[]>`
    select m.user_id as "userId", u.name, u.github_login as "githubLogin", m.role, m.source, m.created_at as since,
           m.refreshed_at as "refreshedAt"
    from memberships m join users u on u.id = m.user_id
    order by lower(u.name), m.user_id`;
}

/** The worker refreshes first what was not refreshed for longest. */
async function refreshSoon(tx: Tx): Promise<void> {
  await tx.$executeRaw`update github_installations set refreshed_at = null where deleted_at is null`;
}
