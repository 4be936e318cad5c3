import type { TrustLevel } from '@wherry/domain';
import type { Database } from '../../database';

/** What the controller says of a daemon. `address` (`tcp://<ip>:<port>`) is there exactly when it is `ready`. */
export type BuildDaemonStatus = Readonly<{
  state: 'wanted' | 'starting' | 'ready' | 'failed';
  address: string | null;
  /** A sentence for the developer, when it failed or is late. */
  reason: string | null;
}>;

/** Asks the controller for build daemons, and hears what became of them. */
export class BuildDaemonWishStore {
  constructor(private readonly db: Database) {}

  /**
   * Wants the daemon for so many seconds from now. What is known of one that was not wanted any more, or that failed, is
   * forgotten: the controller says anew. Returns how it stands.
   */
  async want(tenantId: string, trust: TrustLevel, seconds: number): Promise<BuildDaemonStatus> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<BuildDaemonStatus[]>`
        insert into build_daemons as b (tenant_id, trust, wanted_until)
        values (${tenantId}, ${trust}, now() + make_interval(secs => ${seconds}::float8))
        on conflict (tenant_id, trust) do update set
          wanted_until = greatest(b.wanted_until, now() + make_interval(secs => ${seconds}::float8)),
          state = case when b.wanted_until <= now() or b.state = 'failed' then 'wanted' else b.state end,
          address = case when b.wanted_until <= now() then null else b.address end,
          reason = case when b.wanted_until <= now() or b.state = 'failed' then null else b.reason end,
          updated_at = now()
        returning state, address, reason`;
      return row!;
    });
  }

  /** Goes on wanting it; what is said of it stays. False when there is no such daemon any more. */
  async renew(tenantId: string, trust: TrustLevel, seconds: number): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const renewed = await tx.$executeRaw`
        update build_daemons set
          wanted_until = greatest(wanted_until, now() + make_interval(secs => ${seconds}::float8))
        where tenant_id = ${tenantId} and trust = ${trust} and wanted_until > now()`;
      return renewed > 0;
    });
  }

  /** How it stands; null when nobody ever wanted it, or its tenant is gone. */
  async read(tenantId: string, trust: TrustLevel): Promise<BuildDaemonStatus | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const rows = await tx.$queryRaw<BuildDaemonStatus[]>`
        select state, address, reason from build_daemons where tenant_id = ${tenantId} and trust = ${trust}`;
      return rows[0] ?? null;
    });
  }
}
