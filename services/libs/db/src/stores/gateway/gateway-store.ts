import type { Database } from '../../database';

/** A gateway's own row: that it lives, and which routing version it has applied. */
export class GatewayStore {
  constructor(private readonly db: Database) {}

  /** Says that the gateway serves now, with this version applied. Run at each start, and again if the row was removed. */
  async register(gatewayId: string, version: bigint): Promise<void> {
    await this.db.plain(async (tx) => {
      // Rows of gateways that were killed and never came back under their name.
      await tx.$executeRaw`delete from gateways where last_seen_at < now() - interval '1 day' and id <> ${gatewayId}`;
      await tx.$executeRaw`
        insert into gateways (id, acknowledged_version) values (${gatewayId}, 0)
        on conflict (id) do update set started_at = now(), last_seen_at = now(), acknowledged_version = 0`;
      // A second statement, because only an update tells those who wait for the acknowledgement.
      await tx.$executeRaw`update gateways set acknowledged_version = ${version} where id = ${gatewayId}`;
    });
  }

  /** Says that the gateway lives. Returns the newest routing version, or null when its row was removed meanwhile. */
  async beat(gatewayId: string): Promise<bigint | null> {
    return this.db.plain(async (tx) => {
      const [row] = await tx.$queryRaw<{ version: bigint }[]>`
        update gateways set last_seen_at = now() from routing_version where id = ${gatewayId} returning version`;
      return row?.version ?? null;
    });
  }

  /** Acknowledgements only grow: a late one cannot take a newer one back. */
  async acknowledge(gatewayId: string, version: bigint): Promise<void> {
    await this.db.plain(async (tx) => {
      await tx.$executeRaw`
        update gateways set acknowledged_version = ${version}, last_seen_at = now()
        where id = ${gatewayId} and acknowledged_version < ${version}`;
    });
  }

  /** Nobody needs to wait for this gateway any more. */
  async remove(gatewayId: string): Promise<void> {
    await this.db.plain((tx) => tx.$executeRaw`delete from gateways where id = ${gatewayId}`);
  }
}
