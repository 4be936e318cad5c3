import type { Database } from '../../database';

export type RevisionActivity = Readonly<{
  tenantId: string;
  revisionId: string;
  lastRequestAtMs: number;
  inFlight: number;
}>;

/** When this gateway last served each revision: what "idle" is measured by. */
export class ActivityStore {
  constructor(private readonly db: Database) {}

  /** Revisions that were removed meanwhile are left out. */
  async save(gatewayId: string, activity: readonly RevisionActivity[]): Promise<void> {
    await this.db.cross('metering', async (tx) => {
      await tx.$executeRaw`
        insert into activity (tenant_id, revision_id, gateway_id, last_request_at, in_flight)
        select a.tenant_id, a.revision_id, ${gatewayId}, to_timestamp(a.at / 1000.0), a.in_flight
        from unnest(${activity.map((one) => one.tenantId)}::text[], ${activity.map((one) => one.revisionId)}::text[],
          ${activity.map((one) => one.lastRequestAtMs)}::float8[], ${activity.map((one) => one.inFlight)}::integer[])
          as a (tenant_id, revision_id, at, in_flight)
        join revisions r on r.tenant_id = a.tenant_id and r.id = a.revision_id
        order by a.tenant_id, a.revision_id
        on conflict (tenant_id, revision_id, gateway_id) do update
        set last_request_at = greatest(activity.last_request_at, excluded.last_request_at), in_flight = excluded.in_flight`;
    });
  }

  /** At start: calls of a former life of this gateway are no longer in flight. */
  async clearInFlight(gatewayId: string): Promise<void> {
    await this.db.cross('metering', async (tx) => {
      await tx.$executeRaw`update activity set in_flight = 0 where gateway_id = ${gatewayId} and in_flight <> 0`;
    });
  }
}
