import { writeAudit, type Actor } from '../../audit';
import type { Database } from '../../database';

export type TokenRow = Readonly<{
  id: string;
  name: string;
  scopes: string[];
  repository: string | null;
  createdBy: string | null;
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}>;
export type NewToken = Readonly<{
  id: string;
  name: string;
  tokenHash: Uint8Array;
  scopes: readonly string[];
  repositoryId: string | null;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | null;
}>;

/** A tenant's tokens; only their hashes are stored. */
export class ConsoleTokenStore {
  constructor(private readonly db: Database) {}

  /** Those that people made, newest first: builds have short-lived ones of their own. */
  async list(tenantId: string): Promise<readonly TokenRow[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<TokenRow[]>`
        select k.id, k.name, k.scopes, r.name as repository, u.name as "createdBy", k.created_at as "createdAt",
               k.expires_at as "expiresAt", k.last_used_at as "lastUsedAt", k.revoked_at as "revokedAt"
        from tokens k
        left join repositories r on r.tenant_id = k.tenant_id and r.id = k.repository_id
        left join users u on u.id = k.created_by
        where k.created_by is not null
        order by k.created_at desc, k.id limit 500`,
    );
  }

  async create(tenantId: string, actor: Actor, token: NewToken): Promise<void> {
    await this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        insert into tokens (tenant_id, id, name, token_hash, scopes, repository_id, created_by, created_at, expires_at)
        values (${tenantId}, ${token.id}, ${token.name}, ${token.tokenHash}, ${[...token.scopes]}::text[],
                ${token.repositoryId}, ${token.createdBy}, ${token.createdAt}, ${token.expiresAt})`;
      const expiresAt = token.expiresAt?.toISOString() ?? null;
      const details = { name: token.name, scopes: token.scopes, repository: token.repositoryId, expiresAt };
      await writeAudit(tx, tenantId, actor, { action: 'token.create', target: `token/${token.id}`, details });
    });
  }

  /** Revokes a token from now on; the first time counts. @returns false when there is no such token. */
  async revoke(tenantId: string, actor: Actor, tokenId: string, now: Date): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const [revoked] = await tx.$queryRaw<{ name: string }[]>`
        update tokens set revoked_at = ${now} where id = ${tokenId} and revoked_at is null returning name`;
      if (revoked) {
        const entry = { action: 'token.revoke', target: `token/${tokenId}`, details: { name: revoked.name } };
        await writeAudit(tx, tenantId, actor, entry);
        return true;
      }
      return (await tx.$queryRaw<unknown[]>`select 1 from tokens where id = ${tokenId}`).length > 0;
    });
  }
}
