import { type MemberRole, roleFromGithub, type GithubStanding } from '@wherry/domain';
import { githubActor, writeAudit, type Actor } from '../../audit';
import type { Database, Tx } from '../../database';

/** What GitHub said of somebody who signs in. All ids are GitHub's numbers, which outlive names. */
export type GithubPerson = Readonly<{
  id: number;
  login: string;
  name: string;
  organizations: readonly Readonly<{ id: number; role: GithubStanding['organizationRole'] }>[];
  teams: readonly Readonly<{ id: number; slug: string; organizationId: number }>[];
}>;

/** `clientSecret` is sealed to the api. */
export type GithubLoginApp = Readonly<{
  clientId: string;
  clientSecret: Readonly<{ keyId: string; sealed: Uint8Array; version: number }>;
}>;

export type NewSession = Readonly<{
  tokenHash: Uint8Array;
  /** Of the session that this browser had until now, which ends. */
  formerHash: Uint8Array | null;
  now: Date;
  expiresAt: Date;
}>;

type Wanted = Readonly<{ tenantId: string; role: MemberRole }>;

/** Signing in with GitHub: who somebody is there decides where they belong here. */
export class GithubLoginStore {
  constructor(private readonly db: Database) {}

  /** What the App signs people in with, or null as long as none is registered. */
  async app(): Promise<GithubLoginApp | null> {
    const [row] = await this.db.plain(
      (tx) => tx.$queryRaw<{ clientId: string; keyId: string; sealed: Uint8Array; version: number }[]>`
        select a.client_id as "clientId", c.key_id as "keyId", c.sealed, c.version
        from github_app a
        join github_credentials c on c.kind = 'client_secret' and c.retired_at is null
        order by c.version desc limit 1`,
    );
    if (row === undefined) return null;
    const { clientId, ...clientSecret } = row;
    return { clientId, clientSecret };
  }

  /**
   * Makes the person's user when it is missing, brings their memberships up to what GitHub said, and begins a session,
   * all in one transaction. Memberships that were given by hand stay as they are.
   * @param userId of the user that is made when GitHub's id is not known yet.
   */
  async signIn(person: GithubPerson, userId: string, session: NewSession, requestId: string): Promise<void> {
    await this.db.cross('login', async (tx) => {
      const [user] = await tx.$queryRaw<{ id: string }[]>`
        insert into users (id, name, github_id, github_login)
        values (${userId}, ${person.name}, ${person.id}, ${person.login})
        on conflict (github_id) do update set name = excluded.name, github_login = excluded.github_login
        returning id`;
      await refreshMemberships(tx, { ...githubActor, requestId }, user!.id, person, session.now);
      await tx.$executeRaw`
        delete from sessions
        where token_hash = ${session.formerHash} or user_id = ${user!.id} and expires_at < ${session.now}`;
      await tx.$executeRaw`
        insert into sessions (token_hash, user_id, created_at, last_seen_at, expires_at)
        values (${session.tokenHash}, ${user!.id}, ${session.now}, ${session.now}, ${session.expiresAt})`;
    });
  }
}

async function refreshMemberships(
  tx: Tx,
  actor: Actor,
  userId: string,
  person: GithubPerson,
  now: Date,
): Promise<void> {
  const target = `member/${person.login}`;
  const wanted = await wantedMemberships(tx, person);
  const removed = await tx.$queryRaw<{ tenantId: string }[]>`
    delete from memberships
    where user_id = ${userId} and source = 'github' and tenant_id <> all (${wanted.map(({ tenantId }) => tenantId)})
    returning tenant_id as "tenantId"`;
  for (const { tenantId } of removed) await writeAudit(tx, tenantId, actor, { action: 'member.remove', target });
  for (const { tenantId, role } of wanted) {
    const [former] = await tx.$queryRaw<{ role: string; source: string }[]>`
      select role, source from memberships where tenant_id = ${tenantId} and user_id = ${userId} for update`;
    await tx.$executeRaw`
      insert into memberships (tenant_id, user_id, role, source, refreshed_at)
      values (${tenantId}, ${userId}, ${role}, 'github', ${now})
      on conflict (tenant_id, user_id) do update set role = excluded.role, refreshed_at = excluded.refreshed_at
      where memberships.source = 'github'`;
    if (former?.source === 'manual' || former?.role === role) continue;
    const action = former === undefined ? 'member.add' : 'member.role';
    await writeAudit(tx, tenantId, actor, { action, target, details: { from: former?.role ?? null, to: role } });
  }
}

/** So that an owner can give their own teams a role before the worker has looked for all of them. */
async function rememberTeams(
  tx: Tx,
  person: GithubPerson,
  tenants: readonly Readonly<{ id: string; accountId: number }>[],
): Promise<void> {
  for (const { id, slug, organizationId } of person.teams) {
    const tenant = tenants.find(({ accountId }) => accountId === organizationId);
    if (tenant === undefined) continue;
    await tx.$executeRaw`
      insert into github_team_roles (tenant_id, team_id, team_slug) values (${tenant.id}, ${id}::bigint, ${slug})
      on conflict (tenant_id, team_id) do update set team_slug = excluded.team_slug`;
  }
}

/** The tenants of the person's organisations in which they have a role, and their own. */
async function wantedMemberships(tx: Tx, person: GithubPerson): Promise<Wanted[]> {
  const accounts = [person.id, ...person.organizations.map(({ id }) => id)];
  const tenants = await tx.$queryRaw<{ id: string; accountId: number; memberRole: MemberRole | null }[]>`
    select id, github_account_id::float8 as "accountId", github_member_role as "memberRole" from tenants
    where github_account_id = any (${accounts}::bigint[]) and deleted_at is null
    order by id`;
  await rememberTeams(tx, person, tenants);
  const mapped = await tx.$queryRaw<{ tenantId: string; teamId: number; role: MemberRole }[]>`
    select tenant_id as "tenantId", team_id::float8 as "teamId", role from github_team_roles
    where tenant_id = any (${tenants.map(({ id }) => id)}) and role is not null`;
  return tenants.flatMap(({ id: tenantId, accountId, memberRole }) => {
    if (accountId === person.id) return { tenantId, role: 'owner' as const };
    const role = roleFromGithub({
      organizationRole: person.organizations.find(({ id }) => id === accountId)!.role,
      teamIds: person.teams.filter(({ organizationId }) => organizationId === accountId).map(({ id }) => id),
      teamRoles: new Map(mapped.filter((one) => one.tenantId === tenantId).map(({ teamId, role }) => [teamId, role])),
      memberRole,
    });
    return role === null ? [] : { tenantId, role };
  });
}
