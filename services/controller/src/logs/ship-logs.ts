import { setTimeout as wait } from 'node:timers/promises';
import type { FunctionLogChunk, FunctionLogStore } from '@wherry/db';
import type { Engine, FunctionLogLine } from '@wherry/engine';

/** Where lines go; `FunctionLogStore` is one. */
export type LogTable = Pick<FunctionLogStore, 'append'>;

/** Lines in one chunk: a chunk is the unit that a search reads. */
const chunkLines = 500;
const firstRetryMs = 100;
const lastRetryMs = 5_000;

/**
 * Moves lines from the engine to the table until `signal` aborts. The next batch is asked for, which tells the engine
 * that the last one is safe, only when each tenant's part of it is committed.
 */
export async function shipLogs(
  engine: Pick<Engine, 'logs'>,
  table: LogTable,
  onError: (tenantId: string, error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const batch of engine.logs(signal)) {
    for (const [tenantId, lines] of Map.groupBy(batch, (line) => line.tenantId)) {
      const append = () => table.append(tenantId, chunksOf(lines));
      const isStored = await untilDone(append, (error) => onError(tenantId, error), signal);
      if (!isStored) return;
    }
  }
}

async function untilDone(
  work: () => Promise<void>,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<boolean> {
  for (let pauseMs = firstRetryMs; ; pauseMs = Math.min(pauseMs * 2, lastRetryMs)) {
    try {
      await work();
      return true;
    } catch (error) {
      onError(error);
    }
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return false;
  }
}

/** Cuts one tenant's lines into chunks of one replica each, in their order. */
export function chunksOf(lines: readonly FunctionLogLine[]): FunctionLogChunk[] {
  const chunks: FunctionLogChunk[] = [];
  for (const own of Map.groupBy(lines, (line) => line.replicaId).values()) {
    for (let start = 0; start < own.length; start += chunkLines) {
      const chunk = chunkOf(own.slice(start, start + chunkLines));
      if (chunk) chunks.push(chunk);
    }
  }
  return chunks;
}

function chunkOf(lines: readonly FunctionLogLine[]): FunctionLogChunk | null {
  const [first] = lines;
  if (!first) return null;
  const stored = lines.map((line) => [line.atMs, line.stream, storable(line.callId), storable(line.text)] as const);
  return {
    revisionId: first.revisionId,
    replicaId: first.replicaId,
    firstAtMs: Math.min(...lines.map((line) => line.atMs)),
    lastAtMs: Math.max(...lines.map((line) => line.atMs)),
    byteCount: stored.reduce((sum, line) => sum + Buffer.byteLength(line[3]), 0),
    lines: stored,
  };
}

/** Functions print what they like; PostgreSQL's jsonb holds neither NUL nor half of a surrogate pair. */
function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed();
}
