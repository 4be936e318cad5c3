import type { Database } from '../../database';

/** Login links, sessions and users: tables without a tenant. Only hashes of random values are stored. */
export class SessionStore {
  constructor(private readonly db: Database) {}

  /** Makes a link that signs this user in once. @returns false when there is no such user. */
  async createLink(userId: string, tokenHash: Uint8Array, at: { now: Date; expiresAt: Date }): Promise<boolean> {
    return this.db.plain(async (tx) => {
      await tx.$executeRaw`delete from login_links where expires_at < ${at.now}`;
      const made = await tx.$executeRaw`
        insert into login_links (token_hash, user_id, expires_at)
        select ${tokenHash}, id, ${at.expiresAt} from users where id = ${userId}`;
      return made === 1;
    });
  }

  /**
   * Uses a link up and begins a session, in one transaction: of two that come at once, one wins.
   * @returns false when the link is unknown, used or expired; the three look the same.
   */
  async beginSession(
    linkHash: Uint8Array,
    sessionHash: Uint8Array,
    at: { now: Date; expiresAt: Date },
  ): Promise<boolean> {
    return this.db.plain(async (tx) => {
      const [link] = await tx.$queryRaw<{ userId: string }[]>`
        update login_links set used_at = ${at.now}
        where token_hash = ${linkHash} and used_at is null and expires_at > ${at.now}
        returning user_id as "userId"`;
      if (link === undefined) return false;
      await tx.$executeRaw`delete from sessions where user_id = ${link.userId} and expires_at < ${at.now}`;
      await tx.$executeRaw`
        insert into sessions (token_hash, user_id, created_at, last_seen_at, expires_at)
        values (${sessionHash}, ${link.userId}, ${at.now}, ${at.now}, ${at.expiresAt})`;
      return true;
    });
  }

  /** Ends a session. Ending it twice is the same as once. */
  async endSession(tokenHash: Uint8Array): Promise<void> {
    await this.db.plain((tx) => tx.$executeRaw`delete from sessions where token_hash = ${tokenHash}`);
  }
}
