import { writeAudit, writePlatformAudit, type Actor } from '../../audit';
import type { Database, Tx } from '../../database';
import type { NewSession } from './github-login-store';

/** Login links, sessions and users: tables without a tenant. Only hashes of random values are stored. */
export class SessionStore {
  constructor(private readonly db: Database) {}

  /**
   * Makes a link that signs this user in once. The tenants of the user have it in their log, and the platform: who holds
   * the link acts there.
   * @returns false when there is no such user.
   */
  async createLink(
    actor: Actor,
    userId: string,
    tokenHash: Uint8Array,
    at: { now: Date; expiresAt: Date },
  ): Promise<boolean> {
    return this.db.cross('login', async (tx) => {
      await tx.$executeRaw`delete from login_links where expires_at < ${at.now}`;
      const made = await tx.$executeRaw`
        insert into login_links (token_hash, user_id, expires_at)
        select ${tokenHash}, id, ${at.expiresAt} from users where id = ${userId}`;
      if (made === 0) return false;
      await auditInTenantsOf(tx, userId, actor, 'login_link.create');
      await writePlatformAudit(tx, actor, { action: 'login_link.create', target: `user/${userId}` });
      return true;
    });
  }

  /**
   * Uses a link up and begins a session in place of the one that this browser had, in one transaction: of two that come at once, one wins.
   * @returns false when the link is unknown, used or expired; the three look the same.
   */
  async beginSession(linkHash: Uint8Array, session: NewSession): Promise<boolean> {
    return this.db.plain(async (tx) => {
      const [link] = await tx.$queryRaw<{ userId: string }[]>`
        update login_links set used_at = ${session.now}
        where token_hash = ${linkHash} and used_at is null and expires_at > ${session.now}
        returning user_id as "userId"`;
      if (link === undefined) return false;
      await tx.$executeRaw`
        delete from sessions
        where token_hash = ${session.formerHash} or user_id = ${link.userId} and expires_at < ${session.now}`;
      await tx.$executeRaw`
        insert into sessions (token_hash, user_id, created_at, last_seen_at, expires_at)
        values (${session.tokenHash}, ${link.userId}, ${session.now}, ${session.now}, ${session.expiresAt})`;
      return true;
    });
  }

  /** Ends a session. Ending it twice is the same as once. */
  async endSession(tokenHash: Uint8Array): Promise<void> {
    await this.db.plain((tx) => tx.$executeRaw`delete from sessions where token_hash = ${tokenHash}`);
  }

  /**
   * Ends all sessions of a user, on all devices, and links that were not used yet.
   * @returns the hashes of those that ended.
   */
  async endSessions(actor: Actor, userId: string): Promise<readonly Uint8Array[]> {
    return this.db.cross('login', async (tx) => {
      const ended = await tx.$queryRaw<{ hash: Uint8Array }[]>`
        delete from sessions where user_id = ${userId} returning token_hash as hash`;
      await tx.$executeRaw`delete from login_links where user_id = ${userId} and used_at is null`;
      await auditInTenantsOf(tx, userId, actor, 'session.end_all');
      return ended.map(({ hash }) => hash);
    });
  }
}

/** A user is no tenant's: what happens to one is in the log of each tenant that they are a member of. */
async function auditInTenantsOf(tx: Tx, userId: string, actor: Actor, action: string): Promise<void> {
  const tenants = await tx.$queryRaw<{ tenantId: string; name: string }[]>`
    select m.tenant_id as "tenantId", coalesce(u.github_login, u.name) as name
    from memberships m join users u on u.id = m.user_id where m.user_id = ${userId}`;
  for (const { tenantId, name } of tenants) {
    await writeAudit(tx, tenantId, actor, { action, target: `member/${name}`, details: { user: userId } });
  }
}
