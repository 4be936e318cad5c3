import type { MemberRole } from '@wherry/domain';
import type { Database } from '../../database';

export type { MemberRole };
export type TenantRow = Readonly<{ id: string; slug: string; name: string; createdAt: Date }>;

export type SessionAccess = Readonly<{
  userId: string;
  userName: string;
  /** What the audit log calls them: names on GitHub are chosen freely, logins are one's own. */
  auditName: string;
  isOperator: boolean;
  lastSeenAt: Date;
  expiresAt: Date;
  /** The tenant that was asked for, when it exists and the user is a member. */
  membership: Readonly<{ tenant: TenantRow; role: MemberRole }> | null;
}>;
export type TokenAccess = Readonly<{
  tokenId: string;
  tokenName: string;
  scopes: readonly string[];
  /** The token opens this repository only; null opens all. */
  repositoryId: string | null;
  lastUsedAt: Date | null;
  tenant: TenantRow;
}>;

type SessionRow = {
  userId: string;
  userName: string;
  auditName: string;
  isOperator: boolean;
  lastSeenAt: Date;
  expiresAt: Date;
  tenantId: string | null;
  slug: string;
  name: string;
  createdAt: Date;
  role: MemberRole;
};
type TokenRow = Omit<TokenAccess, 'tenant'> & TenantRow;

/** Who is behind a cookie or a token. All of it crosses tenants: the tenant is not known before the answer. */
export class AccessStore {
  constructor(private readonly db: Database) {}

  /**
   * The session with this SHA-256 that is neither ended nor expired at `now` nor idle since before `idleSince`.
   * @param slug the tenant in the path, or null.
   */
  async findSession(
    tokenHash: Uint8Array,
    slug: string | null,
    at: { now: Date; idleSince: Date },
  ): Promise<SessionAccess | null> {
    const [row] = await this.db.cross(
      'authentication',
      (tx) => tx.$queryRaw<SessionRow[]>`
        select u.id as "userId", u.name as "userName", coalesce(u.github_login, u.name) as "auditName", u.is_operator as "isOperator",
               s.last_seen_at as "lastSeenAt", s.expires_at as "expiresAt",
               t.id as "tenantId", t.slug, t.name, t.created_at as "createdAt", m.role
        from sessions s
        join users u on u.id = s.user_id
        left join (memberships m join tenants t on t.id = m.tenant_id and t.slug = ${slug}::text
                   and t.suspended_at is null and t.deleted_at is null) on m.user_id = u.id
        where s.token_hash = ${tokenHash} and s.expires_at > ${at.now} and s.last_seen_at > ${at.idleSince}`,
    );
    if (row === undefined) return null;
    const { tenantId, slug: found, name, createdAt, role, ...session } = row;
    const tenant = tenantId === null ? null : { id: tenantId, slug: found, name, createdAt };
    return { ...session, membership: tenant && { tenant, role } };
  }

  /** The token with this SHA-256 that is neither revoked nor expired at `now`. */
  async findToken(tokenHash: Uint8Array, now: Date): Promise<TokenAccess | null> {
    const [row] = await this.db.cross(
      'authentication',
      (tx) => tx.$queryRaw<TokenRow[]>`
        select k.id as "tokenId", k.name as "tokenName", k.scopes, k.repository_id as "repositoryId", k.last_used_at as "lastUsedAt",
               t.id, t.slug, t.name, t.created_at as "createdAt"
        from tokens k
        join tenants t on t.id = k.tenant_id and t.suspended_at is null and t.deleted_at is null
        where k.token_hash = ${tokenHash} and k.revoked_at is null
          and (k.expires_at is null or k.expires_at > ${now})`,
    );
    if (row === undefined) return null;
    const { id, slug, name, createdAt, ...token } = row;
    return { ...token, tenant: { id, slug, name, createdAt } };
  }

  /** Remembers that a session was used. Callers do so at most once a minute. */
  async touchSession(tokenHash: Uint8Array, now: Date): Promise<void> {
    await this.db.plain(
      (tx) => tx.$executeRaw`
        update sessions set last_seen_at = ${now} where token_hash = ${tokenHash} and last_seen_at < ${now}`,
    );
  }

  async touchToken(tokenHash: Uint8Array, now: Date): Promise<void> {
    await this.db.cross(
      'authentication',
      (tx) => tx.$executeRaw`update tokens set last_used_at = ${now} where token_hash = ${tokenHash}`,
    );
  }

  /** The tenants of a user, by slug. */
  async tenantsOf(userId: string): Promise<readonly (TenantRow & { role: MemberRole })[]> {
    return this.db.cross(
      'authentication',
      (tx) => tx.$queryRaw<(TenantRow & { role: MemberRole })[]>`
        select t.id, t.slug, t.name, t.created_at as "createdAt", m.role
        from memberships m join tenants t on t.id = m.tenant_id
        where m.user_id = ${userId} and t.suspended_at is null and t.deleted_at is null
        order by t.slug`,
    );
  }
}
