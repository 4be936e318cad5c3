import type { MemberRole } from '@wherry/domain';
import { githubActor, writeAudit } from '../../audit';
import type { Database, Tx } from '../../database';
import { ofApp } from './of-app';

/** What members of an organisation become here. */
export type MemberRules = Readonly<{
  installationId: number;
  account: Readonly<{ id: number; login: string; type: 'Organization' | 'User' }>;
  /** Of a member who is in no mapped team; null for none. */
  memberRole: MemberRole | null;
  teams: readonly Readonly<{ id: number; role: MemberRole }>[];
}>;

/** A team of an organisation. `id` stays when `slug` changes. */
export type GithubTeam = Readonly<{ id: number; slug: string }>;

/** Memberships that GitHub's organisations give. */
export class GithubMemberStore {
  constructor(private readonly db: Database) {}

  /** Tenants of that App whose memberships were not refreshed for so long; those first that were not tried the longest. */
  async due(olderThanSeconds: number, appId: number): Promise<string[]> {
    return this.db.cross('github', async (tx) => {
      const rows = await tx.$queryRaw<{ tenantId: string }[]>`
        select tenant_id as "tenantId" from github_installations
        where deleted_at is null and suspended_at is null
          and (refreshed_at is null or refreshed_at < now() - make_interval(secs => ${olderThanSeconds}::float8))
          and ${ofApp(appId)}
        order by greatest(refreshed_at, attempted_at) nulls first limit 100`;
      return rows.map(({ tenantId }) => tenantId);
    });
  }

  /** Notes that a refresh begins. Whatever comes of it, the tenants that wait as well have their turn first. */
  async attempt(tenantId: string): Promise<void> {
    await this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`update github_installations set attempted_at = now() where tenant_id = ${tenantId}`,
    );
  }

  /** GitHub's numbers of the people who are members here because GitHub said so. */
  async given(tenantId: string): Promise<readonly number[]> {
    return this.db.tenant(tenantId, async (tx) => {
      const rows = await tx.$queryRaw<{ id: number }[]>`
        select u.github_id::float8 as id from memberships m join users u on u.id = m.user_id
        where m.tenant_id = ${tenantId} and m.source = 'github' and u.github_id is not null order by u.github_id`;
      return rows.map(({ id }) => id);
    });
  }

  /** Null when the tenant has no installation that works. */
  async rules(tenantId: string): Promise<MemberRules | null> {
    return this.db.tenant(tenantId, async (tx) => {
      type Row = {
        installationId: number;
        id: number;
        login: string;
        type: 'Organization' | 'User';
        memberRole: MemberRole | null;
      };
      const [row] = await tx.$queryRaw<Row[]>`
        select i.id::float8 as "installationId", t.github_account_id::float8 as id, t.github_login as login,
          t.github_account_type as type, t.github_member_role as "memberRole"
        from tenants t join github_installations i on i.tenant_id = t.id and i.deleted_at is null and i.suspended_at is null
        where t.id = ${tenantId} limit 1`;
      if (!row) return null;
      const teams = await tx.$queryRaw<MemberRules['teams'][number][]>`
        select team_id::float8 as id, role from github_team_roles
        where tenant_id = ${tenantId} and role is not null`;
      const { installationId, id, login, type, memberRole } = row;
      return { installationId, account: { id, login, type }, memberRole, teams };
    });
  }

  /**
   * Makes the memberships that GitHub gives exactly these: GitHub's number of a person → role. People who never signed
   * in here get none; memberships that somebody made by hand stay. `teams` are all of the organisation, and are
   * remembered, so that an owner can give each a role. Returns how many memberships changed.
   */
  async replace(
    tenantId: string,
    roles: ReadonlyMap<number, MemberRole>,
    teams: readonly GithubTeam[] = [],
  ): Promise<number> {
    return this.db.tenant(tenantId, async (tx) => {
      await rememberTeams(tx, tenantId, teams);
      const given = JSON.stringify([...roles].map(([githubId, role]) => ({ githubId, role })));
      const removed = await tx.$queryRaw<{ name: string }[]>`
        delete from memberships m using users u
        where m.tenant_id = ${tenantId} and m.source = 'github' and u.id = m.user_id
          and not exists (select from jsonb_to_recordset(${given}::jsonb) as g("githubId" bigint)
            where g."githubId" = u.github_id)
        returning coalesce(u.github_login, u.name) as name`;
      const changed = await tx.$queryRaw<{ name: string; role: string }[]>`
        insert into memberships as m (tenant_id, user_id, role, source, refreshed_at)
        select ${tenantId}, u.id, g.role, 'github', now()
        from jsonb_to_recordset(${given}::jsonb) as g("githubId" bigint, role text)
        join users u on u.github_id = g."githubId"
        on conflict (tenant_id, user_id) do update set role = excluded.role, refreshed_at = now()
          where m.source = 'github' and m.role <> excluded.role
        returning (select coalesce(github_login, name) from users where id = m.user_id) as name, m.role`;
      for (const { name } of removed)
        await writeAudit(tx, tenantId, githubActor, { action: 'member.remove', target: `member/${name}` });
      for (const { name, role } of changed)
        await writeAudit(tx, tenantId, githubActor, {
          action: 'member.set',
          target: `member/${name}`,
          details: { role },
        });
      await tx.$executeRaw`update github_installations set refreshed_at = now() where tenant_id = ${tenantId}`;
      await tx.$executeRaw`
        update memberships set refreshed_at = now() where tenant_id = ${tenantId} and source = 'github'`;
      return removed.length + changed.length;
    });
  }
}

/**
 * Makes the known teams these. One that has a role stays until an owner takes the role away: a list that moved while it
 * was read must not take anything from anybody.
 */
async function rememberTeams(tx: Tx, tenantId: string, teams: readonly GithubTeam[]): Promise<void> {
  const given = JSON.stringify(teams);
  await tx.$executeRaw`
    insert into github_team_roles as t (tenant_id, team_id, team_slug)
    select ${tenantId}, g.id, g.slug from jsonb_to_recordset(${given}::jsonb) as g(id bigint, slug text)
    on conflict (tenant_id, team_id) do update set team_slug = excluded.team_slug
      where t.team_slug <> excluded.team_slug`;
  await tx.$executeRaw`
    delete from github_team_roles t where t.tenant_id = ${tenantId} and t.role is null
      and not exists (select from jsonb_to_recordset(${given}::jsonb) as g(id bigint) where g.id = t.team_id)`;
}
