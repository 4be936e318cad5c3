import { crc32 } from 'node:zlib';
import type { Receipt } from '@wherry/db';

/**
 * A receipt as a line of the journal: the CRC-32 of the rest in eight hexadecimal digits, a space, and a JSON array.
 * The sum tells a line that was cut by a crash, or damaged on the disk, from a whole one.
 */
export function formatReceipt(r: Receipt): string {
  const text = JSON.stringify([
    r.tenantId,
    r.callId,
    r.functionId,
    r.revisionId,
    r.replicaId,
    r.startedAtMs,
    r.durationMs,
    r.memoryMiB,
    r.status,
    r.outcome,
    r.responseBytes,
    r.billed,
  ]);
  return `${checksum(text)} ${text}\n`;
}

/** What a segment's file holds. `dropped` counts the bytes that are no whole receipt. */
export type SegmentContent = Readonly<{ receipts: readonly Receipt[]; dropped: number }>;

/** Reads a segment. A kill can cut the last line only; what is not whole elsewhere was damaged, and is left out too. */
export function parseSegment(content: string): SegmentContent {
  const receipts: Receipt[] = [];
  let dropped = 0;
  let start = 0;
  while (start < content.length) {
    const end = content.indexOf('\n', start);
    const line = content.slice(start, end === -1 ? content.length : end);
    const receipt = end === -1 ? null : parseReceipt(line);
    if (receipt === null) dropped += Buffer.byteLength(line) + (end === -1 ? 0 : 1);
    else receipts.push(receipt);
    start += line.length + 1;
  }
  return { receipts, dropped };
}

type Fields = [string, string, string, string, string, number, number, number, number, string, number, boolean];

function parseReceipt(line: string): Receipt | null {
  const text = line.slice(9);
  if (line.slice(0, 9) !== `${checksum(text)} `) return null;
  const fields = JSON.parse(text) as Fields;
  const [tenantId, callId, functionId, revisionId, replicaId, startedAtMs, durationMs, memoryMiB, ...ended] = fields;
  const [status, outcome, responseBytes, billed] = ended;
  return {
    ...{ tenantId, callId, functionId, revisionId, replicaId, startedAtMs, durationMs, memoryMiB, status },
    ...{ outcome: outcome === 'complete' ? 'complete' : 'aborted', responseBytes, billed },
  };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
