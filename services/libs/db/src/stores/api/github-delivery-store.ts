import { Prisma } from '../../generated/client';
import { type Actor, writeAudit, writePlatformAudit } from '../../audit';
import type { Database, Tx } from '../../database';

/** A webhook as it came, its signature checked. `failure`: why nobody will handle it; such a delivery has no job. */
export type NewDelivery = Readonly<{
  /** GitHub's GUID, the same when GitHub sends it again. */
  id: string;
  event: string;
  action: string | null;
  installationId: number | null;
  repositoryId: number | null;
  body: Uint8Array;
  failure: string | null;
}>;

export type DeliveryRow = Readonly<{
  id: string;
  event: string;
  action: string | null;
  /** As Wherry calls it; null when it is about none that is known. */
  repository: string | null;
  status: 'received' | 'done' | 'ignored' | 'failed';
  outcome: string | null;
  attempts: number;
  receivedAt: Date;
  handledAt: Date | null;
  hasBody: boolean;
}>;
/** `body`: at most as many bytes as were asked for; null when it was removed. */
export type DeliveryDetailRow = DeliveryRow & Readonly<{ body: Uint8Array | null; byteCount: number }>;

export type DeliveryFilter = Readonly<{
  status?: DeliveryRow['status'];
  event?: string;
  /** The id of the last delivery of the page before. */
  before?: string;
  limit: number;
}>;
type Enqueue = (tx: Tx, deliveryIds: readonly string[]) => Promise<void>;

/** Webhook deliveries: storing them before anybody knows whose they are, and showing and repeating them afterwards. */
export class ConsoleGithubDeliveryStore {
  constructor(private readonly db: Database) {}

  /**
   * Stores deliveries, and runs `enqueue` for those that can be handled and were not there before, in one transaction.
   * One that was stored already is left as it is, whatever has become of it.
   */
  async receive(deliveries: readonly NewDelivery[], now: Date, enqueue: Enqueue): Promise<void> {
    await this.db.cross('intake', async (tx) => {
      const rows = deliveries.map(({ id, event, action, installationId, repositoryId, body, failure }) => {
        const status = failure === null ? 'received' : 'failed';
        const handledAt = failure === null ? null : now;
        return Prisma.sql`(${id}, ${event}, ${action}::text, ${installationId}::bigint, ${repositoryId}::bigint,
          ${body}::bytea, ${now}::timestamptz, ${status}, ${failure}::text, ${handledAt}::timestamptz)`;
      });
      const made = await tx.$queryRaw<{ id: string; status: string }[]>`
        insert into github_deliveries (id, event, action, installation_id, github_repository_id, body, received_at,
                                       status, outcome, handled_at)
        values ${Prisma.join(rows)} on conflict (id) do nothing returning id, status`;
      const ids = made.filter(({ status }) => status === 'received').map(({ id }) => id);
      await enqueue(tx, ids);
    });
  }

  /** The tenant's, newest first. */
  async list(tenantId: string, filter: DeliveryFilter): Promise<readonly DeliveryRow[]> {
    return this.db.tenant(tenantId, (tx) => listDeliveries(tx, Prisma.sql`d.tenant_id = ${tenantId}`, filter));
  }

  /** @param maxBytes of the body that are read. */
  async find(tenantId: string, id: string, maxBytes: number): Promise<DeliveryDetailRow | null> {
    const [row] = await this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<DeliveryDetailRow[]>`
        select ${columns}, substring(d.body from 1 for ${maxBytes}::int) as body,
               coalesce(octet_length(d.body), 0) as "byteCount"
        ${from} where d.tenant_id = ${tenantId} and d.id = ${id}`,
    );
    return row ?? null;
  }

  /**
   * Has a delivery handled once more, from the beginning; `enqueue` runs in the same transaction.
   * @returns the delivery as it is then, or null when there is none; without its body nothing was done.
   */
  async replay(tenantId: string, actor: Actor, id: string, enqueue: Enqueue): Promise<DeliveryRow | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const row = await replayDelivery(tx, Prisma.sql`d.tenant_id = ${tenantId}`, id, enqueue);
      const entry = { action: 'delivery.replay', target: `delivery/${id}`, details: { event: row?.event ?? '' } };
      if (row?.hasBody) await writeAudit(tx, tenantId, actor, entry);
      return row;
    });
  }

  /** Those of no tenant, newest first: of accounts that nobody installed the App on, or that could not be understood. */
  async listUnclaimed(filter: DeliveryFilter): Promise<readonly DeliveryRow[]> {
    return this.db.cross('operator', (tx) => listDeliveries(tx, unclaimed, filter));
  }

  /** The same as `replay`, for one of no tenant. */
  async replayUnclaimed(actor: Actor, id: string, enqueue: Enqueue): Promise<DeliveryRow | null> {
    return this.db.cross('intake', async (tx) => {
      const row = await replayDelivery(tx, unclaimed, id, enqueue);
      const entry = { action: 'delivery.replay', target: `delivery/${id}`, details: { event: row?.event ?? '' } };
      if (row?.hasBody) await writePlatformAudit(tx, actor, entry);
      return row;
    });
  }
}

const unclaimed = Prisma.sql`d.tenant_id is null`;
const columns = Prisma.sql`
  d.id, d.event, d.action, r.name as repository, d.status, d.outcome, d.attempts, d.received_at as "receivedAt",
  d.handled_at as "handledAt", d.body is not null as "hasBody"`;
const from = Prisma.sql`
  from github_deliveries d left join repositories r on r.tenant_id = d.tenant_id and r.id = d.repository_id`;

async function listDeliveries(tx: Tx, whose: Prisma.Sql, filter: DeliveryFilter): Promise<DeliveryRow[]> {
  const { status = null, event = null, before = null, limit } = filter;
  return tx.$queryRaw<DeliveryRow[]>`
    select ${columns} ${from}
    where ${whose} and (${status}::text is null or d.status = ${status}) and (${event}::text is null or d.event = ${event})
      and (${before}::text is null or (d.received_at, d.id) < (select b.received_at, b.id from github_deliveries b where b.id = ${before}))
    order by d.received_at desc, d.id desc limit ${limit}`;
}

async function replayDelivery(tx: Tx, whose: Prisma.Sql, id: string, enqueue: Enqueue): Promise<DeliveryRow | null> {
  const reset = await tx.$executeRaw`
    update github_deliveries d set status = 'received', outcome = null, attempts = 0, handled_at = null
    where ${whose} and d.id = ${id} and d.body is not null`;
  if (reset > 0) await enqueue(tx, [id]);
  const [row] = await tx.$queryRaw<DeliveryRow[]>`select ${columns} ${from} where ${whose} and d.id = ${id}`;
  return row ?? null;
}
