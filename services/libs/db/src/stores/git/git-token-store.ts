import type { Database } from '../../database';

/** Who is behind a token that is valid now. */
export type GitIdentity = Readonly<{
  tenantId: string;
  tenantSlug: string;
  /** A suspended tenant may neither push nor read. */
  isSuspended: boolean;
  canPush: boolean;
  canRead: boolean;
  /** The only repository the token opens, or null when it opens all of its tenant. */
  repositoryId: string | null;
}>;

type Row = {
  tenant_id: string;
  slug: string;
  is_suspended: boolean;
  scopes: string[];
  repository_id: string | null;
};

/** Tokens, as the git remote needs them. */
export class GitTokenStore {
  constructor(private readonly db: Database) {}

  /**
   * The identity behind a token, or null when it is unknown, expired, revoked, or of a deleted tenant. Notes the use,
   * at most once a minute. Crosses tenants: the token is what tells the tenant.
   * @param tokenHash SHA-256 of the token.
   */
  async identify(tokenHash: Uint8Array): Promise<GitIdentity | null> {
    const rows = await this.db.cross('authentication', async (tx) => {
      const found = await tx.$queryRaw<(Row & { is_due: boolean })[]>`
        select t.tenant_id, n.slug, n.suspended_at is not null as is_suspended, t.scopes, t.repository_id,
          t.last_used_at is null or t.last_used_at < now() - interval '1 minute' as is_due
        from tokens t join tenants n on n.id = t.tenant_id
        where t.token_hash = ${tokenHash} and t.revoked_at is null and n.deleted_at is null
          and (t.expires_at is null or t.expires_at > now())`;
      if (found[0]?.is_due === true) {
        await tx.$executeRaw`update tokens set last_used_at = now() where token_hash = ${tokenHash}`;
      }
      return found;
    });
    const [row] = rows;
    if (row === undefined) return null;
    const canPush = row.scopes.includes('git:push');
    return {
      tenantId: row.tenant_id,
      tenantSlug: row.slug,
      isSuspended: row.is_suspended,
      canPush,
      canRead: canPush || row.scopes.includes('git:read'),
      repositoryId: row.repository_id,
    };
  }
}
