import type { Database } from '../../database';

/** The App this platform is, with its private key as it is sealed to the worker. */
export type RegisteredApp = Readonly<{
  appId: number;
  slug: string;
  /** Rises with each new key. */
  keyVersion: number;
  keyId: string;
  sealed: Uint8Array;
}>;

/** The registration of the GitHub App. It belongs to no tenant. */
export class GithubAppStore {
  constructor(private readonly db: Database) {}

  /** Null when no App is registered, or its private key is not there yet. */
  async read(): Promise<RegisteredApp | null> {
    return this.db.plain(async (tx) => {
      const [row] = await tx.$queryRaw<RegisteredApp[]>`
        select a.app_id::float8 as "appId", a.slug, c.version as "keyVersion", c.key_id as "keyId", c.sealed
        from github_app a
        join github_credentials c on c.kind = 'private_key' and c.retired_at is null
        order by c.version desc limit 1`;
      return row ?? null;
    });
  }

  /**
   * The newest delivery that was looked at, by GitHub's clock, in epoch milliseconds: what failed until then was asked for
   * again. Null when none was.
   */
  async deliveriesLookedAt(): Promise<number | null> {
    return this.db.plain(async (tx) => {
      const [row] = await tx.$queryRaw<{ at: Date | null }[]>`select deliveries_looked_at as at from github_app`;
      return row?.at?.getTime() ?? null;
    });
  }

  async setDeliveriesLookedAt(atMs: number): Promise<void> {
    await this.db.plain(
      (tx) => tx.$executeRaw`update github_app set deliveries_looked_at = ${new Date(atMs)}::timestamptz`,
    );
  }
}
