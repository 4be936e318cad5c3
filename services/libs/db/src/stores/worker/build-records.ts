import type { Tx } from '../../database';

/** [epoch ms, stream, function name or '', text]: the shape of log_chunks.lines. */
export type BuildLogLine = readonly [atMs: number, stream: string, functionName: string, text: string];

/** What a stretch of a builder's events becomes. Strings hold no NUL: neither text nor jsonb can store it. */
export type BuildRecords = Readonly<{
  /** Where the stretch ends in the events, in bytes. */
  offset: number;
  lines: readonly BuildLogLine[];
  /** The last status of each function, in order of appearance. */
  functions: readonly Readonly<{ name: string; status: string; reason: string | null; handler?: string }>[];
  notes: readonly string[];
}>;

/** How many bytes of lines one chunk holds at most; a page of a log reads whole chunks. */
const chunkBytes = 256 * 1024;

/**
 * Stores records that begin at `from`, with the new offset, in the caller's transaction. False when `from` is not where
 * the last ones ended, or the build is not building: then nothing is written.
 */
export async function writeRecords(
  tx: Tx,
  tenantId: string,
  deploymentId: string,
  from: number,
  records: BuildRecords,
): Promise<boolean> {
  const moved = await tx.$executeRaw`
    update deployments set build_offset = ${records.offset}::bigint, notes = notes || ${JSON.stringify(records.notes)}::jsonb
    where tenant_id = ${tenantId} and id = ${deploymentId} and status = 'building' and build_offset = ${from}::bigint`;
  if (moved === 0) return false;
  for (const chunk of chunksOf(records.lines)) await insertChunk(tx, tenantId, deploymentId, chunk);
  if (records.functions.length > 0) {
    await tx.$executeRaw`
      insert into deployment_functions (tenant_id, deployment_id, name, status, reason, handler)
      select ${tenantId}, ${deploymentId}, x.name, x.status, x.reason, x.handler
      from jsonb_to_recordset(${JSON.stringify(records.functions)}::jsonb)
        as x(name text, status text, reason text, handler text)
      on conflict (tenant_id, deployment_id, name) do update set status = excluded.status, reason = excluded.reason,
        handler = coalesce(excluded.handler, deployment_functions.handler)`;
  }
  return true;
}

async function insertChunk(
  tx: Tx,
  tenantId: string,
  deploymentId: string,
  lines: readonly BuildLogLine[],
): Promise<void> {
  const times = lines.map((line) => line[0]);
  const firstAt = new Date(Math.min(...times));
  const lastAt = new Date(Math.max(...times));
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line[3]), 0);
  await tx.$executeRaw`
    insert into log_chunks (tenant_id, day, source, deployment_id, first_at, last_at, byte_count, lines)
    values (${tenantId}, ${firstAt.toISOString().slice(0, 10)}::date, 'build', ${deploymentId}, ${firstAt}, ${lastAt},
      ${bytes}, ${JSON.stringify(lines)}::jsonb)`;
}

/** Cuts lines into chunks that are not much larger than `chunkBytes` and not of two days. */
function chunksOf(lines: readonly BuildLogLine[]): BuildLogLine[][] {
  const chunks: BuildLogLine[][] = [];
  let size = Infinity;
  let day = -1;
  for (const line of lines) {
    const dayOfLine = Math.floor(line[0] / 86_400_000);
    if (size > chunkBytes || dayOfLine !== day) {
      chunks.push([]);
      size = 0;
      day = dayOfLine;
    }
    chunks.at(-1)?.push(line);
    size += line[3].length + 40;
  }
  return chunks;
}
