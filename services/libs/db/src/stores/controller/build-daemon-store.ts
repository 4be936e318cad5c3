import type { TrustLevel } from '@wherry/domain';
import type { Database } from '../../database';

/** A build daemon that was wanted at some time, with what was last said about it. */
export type BuildDaemonRow = Readonly<{
  tenantId: string;
  trust: TrustLevel;
  /** A worker wants it now. Never for a tenant that is suspended or gone. */
  isWanted: boolean;
  state: BuildDaemonState;
  address: string | null;
  reason: string | null;
}>;
export type BuildDaemonState = 'wanted' | 'starting' | 'ready' | 'failed';

/** What workers are told of a daemon: `tcp://<ip>:<port>` when it is ready, and a sentence when it is late or failed. */
export type BuildDaemonReport =
  | Readonly<{ state: 'ready'; address: string; reason: null }>
  | Readonly<{ state: 'starting' | 'failed'; address: null; reason: string | null }>;

/** Build daemons as workers want them, and what became of them. */
export class BuildDaemonStore {
  constructor(private readonly db: Database) {}

  /** All rows, and with them all that is known of who may have a daemon. */
  async list(): Promise<BuildDaemonRow[]> {
    return this.db.cross(
      'reconcile',
      (tx) => tx.$queryRaw<BuildDaemonRow[]>`
        select b.tenant_id as "tenantId", b.trust, b.state, b.address, b.reason,
          (b.wanted_until > now() and t.suspended_at is null and t.deleted_at is null) as "isWanted"
        from build_daemons b join tenants t on t.id = b.tenant_id order by 1, 2`,
    );
  }

  /** Tells workers. Writing the same again changes and notifies nothing, and nothing is told of one not wanted any more. */
  async report(tenantId: string, trust: TrustLevel, report: BuildDaemonReport): Promise<void> {
    const { state, address, reason } = report;
    await this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`
        update build_daemons set state = ${state}, address = ${address}, reason = ${reason}, updated_at = now()
        where tenant_id = ${tenantId} and trust = ${trust} and wanted_until > now()
          and (state, address, reason) is distinct from (${state}, ${address}::text, ${reason}::text)`,
    );
  }

  /**
   * Says that the daemon is about to be stopped, so that a worker that wants it from now on waits for the next one.
   * Returns false, and changes nothing, when one wants it again: then it must not be stopped.
   */
  async rest(tenantId: string, trust: TrustLevel): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const rested = await tx.$executeRaw`
        update build_daemons b set state = 'wanted', address = null, reason = null, updated_at = now()
        from tenants t where t.id = b.tenant_id and b.tenant_id = ${tenantId} and b.trust = ${trust}
          and (b.wanted_until <= now() or t.suspended_at is not null or t.deleted_at is not null)`;
      return rested > 0;
    });
  }

  /** Forgets a daemon: of a tenant that is gone, after all of it was removed. */
  async remove(tenantId: string, trust: TrustLevel): Promise<void> {
    await this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`delete from build_daemons where tenant_id = ${tenantId} and trust = ${trust}`,
    );
  }
}
