import { invocationMibMs } from '@wherry/domain';
import type { Database, Tx } from '../../database';

/**
 * One call that was sent to a replica. `durationMs` is whole milliseconds from dispatch to the last byte, at least 1;
 * `responseBytes` counts the body as it left for the caller; `status` is 499 when the caller left before there was one.
 */
export type Receipt = Readonly<{
  tenantId: string;
  callId: string;
  functionId: string;
  revisionId: string;
  replicaId: string;
  startedAtMs: number;
  durationMs: number;
  memoryMiB: number;
  status: number;
  outcome: 'complete' | 'aborted';
  responseBytes: number;
  billed: boolean;
}>;

/** A closed part of a gateway's journal. A receipt's `index` is its place in `receipts`. */
export type ReceiptSegment = Readonly<{
  epoch: string;
  segment: number;
  checksum: string;
  receipts: readonly Receipt[];
}>;

const hourMs = 3_600_000;

type HourOfUsage = {
  tenantId: string;
  functionId: string;
  hourMs: number;
  invocations: number;
  errors: number;
  durationMs: number;
  mibMs: number;
  responseBytes: number;
};

/** Receipts and what they add up to. */
export class ReceiptStore {
  constructor(private readonly db: Database) {}

  /**
   * Stores a segment and its usage in one transaction, so doing it again changes nothing.
   * Returns false when the segment was stored before.
   */
  async ship(segment: ReceiptSegment): Promise<boolean> {
    return this.db.cross('metering', async (tx) => {
      const isNew = await tx.$executeRaw`
        insert into receipt_segments (epoch, segment, receipt_count, checksum)
        values (${segment.epoch}, ${segment.segment}, ${segment.receipts.length}, ${segment.checksum})
        on conflict (epoch, segment) do nothing`;
      if (isNew === 0) return false;
      if (segment.receipts.length > 0) await insertReceipts(tx, segment);
      const usage = usageOf(segment.receipts);
      if (usage.length > 0) await addUsage(tx, usage);
      return true;
    });
  }
}

async function insertReceipts(tx: Tx, { epoch, segment, receipts }: ReceiptSegment): Promise<void> {
  await tx.$executeRaw`
    insert into receipts (tenant_id, epoch, segment, index, call_id, function_id, revision_id, replica_id, started_at,
      duration_ms, memory_mib, status, outcome, response_bytes, billed)
    select r.tenant_id, ${epoch}, ${segment}, r.place - 1, r.call_id, r.function_id, r.revision_id, r.replica_id,
      to_timestamp(r.started / 1000.0), r.duration, r.memory, r.status, r.outcome, r.bytes, r.billed
    from unnest(
      ${receipts.map((one) => one.tenantId)}::text[], ${receipts.map((one) => one.callId)}::text[],
      ${receipts.map((one) => one.functionId)}::text[], ${receipts.map((one) => one.revisionId)}::text[],
      ${receipts.map((one) => one.replicaId)}::text[], ${receipts.map((one) => one.startedAtMs)}::float8[],
      ${receipts.map((one) => one.durationMs)}::integer[], ${receipts.map((one) => one.memoryMiB)}::integer[],
      ${receipts.map((one) => one.status)}::integer[], ${receipts.map((one) => one.outcome)}::text[],
      ${receipts.map((one) => one.responseBytes)}::float8[], ${receipts.map((one) => one.billed)}::boolean[]
    ) with ordinality as r (tenant_id, call_id, function_id, revision_id, replica_id, started, duration, memory, status,
      outcome, bytes, billed, place)`;
}

/** Rows in one order everywhere, so that two gateways that ship at once wait for each other instead of deadlocking. */
async function addUsage(tx: Tx, usage: readonly HourOfUsage[]): Promise<void> {
  await tx.$executeRaw`
    insert into usage_hourly as u (tenant_id, function_id, hour, invocations, errors, duration_ms, mib_ms, response_bytes)
    select n.tenant_id, n.function_id, to_timestamp(n.hour / 1000.0), n.invocations, n.errors, n.duration, n.mib_ms, n.bytes
    from unnest(
      ${usage.map((one) => one.tenantId)}::text[], ${usage.map((one) => one.functionId)}::text[],
      ${usage.map((one) => one.hourMs)}::float8[], ${usage.map((one) => one.invocations)}::float8[],
      ${usage.map((one) => one.errors)}::float8[], ${usage.map((one) => one.durationMs)}::float8[],
      ${usage.map((one) => one.mibMs)}::float8[], ${usage.map((one) => one.responseBytes)}::float8[]
    ) as n (tenant_id, function_id, hour, invocations, errors, duration, mib_ms, bytes)
    join functions f on f.tenant_id = n.tenant_id and f.id = n.function_id
    order by n.tenant_id, n.function_id, n.hour
    on conflict (tenant_id, function_id, hour) do update set
      invocations = u.invocations + excluded.invocations, errors = u.errors + excluded.errors,
      duration_ms = u.duration_ms + excluded.duration_ms, mib_ms = u.mib_ms + excluded.mib_ms,
      response_bytes = u.response_bytes + excluded.response_bytes`;
}

/** What the billed receipts add up to, by function and hour of their start. */
export function usageOf(receipts: readonly Receipt[]): HourOfUsage[] {
  const hours = new Map<string, HourOfUsage>();
  for (const receipt of receipts) {
    if (!receipt.billed) continue;
    const at = Math.floor(receipt.startedAtMs / hourMs) * hourMs;
    const key = `${receipt.tenantId}/${receipt.functionId}/${at}`;
    const { tenantId, functionId } = receipt;
    const none = { invocations: 0, errors: 0, durationMs: 0, mibMs: 0, responseBytes: 0 };
    const sum = hours.get(key) ?? { tenantId, functionId, hourMs: at, ...none };
    sum.invocations += 1;
    if (receipt.status >= 500) sum.errors += 1;
    sum.durationMs += receipt.durationMs;
    sum.mibMs += invocationMibMs(receipt.memoryMiB, receipt.durationMs);
    sum.responseBytes += receipt.responseBytes;
    hours.set(key, sum);
  }
  return [...hours.values()];
}
