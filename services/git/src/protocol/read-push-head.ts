import type { Readable } from 'node:stream';
import { PacketError, PacketReader } from './pkt-line';
import { readChunk } from './read-chunk';
import { parseCommands, type PushHead } from './receive-pack';

/** 1,000 updates of the longest sane ref name fit. */
const maxHeadBytes = 512 * 1024;

/**
 * Reads a push request up to the first flush and leaves the pack in the stream.
 * `consumed` is every byte taken so far, which may reach into the pack: pass it on before the rest of the stream.
 * @throws PacketError when the head is malformed, too long, or ends early.
 */
export async function readPushHead(stream: Readable): Promise<PushHead & { consumed: Buffer }> {
  const packets = new PacketReader();
  const payloads: Buffer[] = [];
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = await readChunk(stream);
    if (chunk === null) throw new PacketError('The push ended before its commands did.');
    chunks.push(chunk);
    size += chunk.length;
    packets.push(chunk);
    for (let next = packets.next(); next !== null; next = packets.next()) {
      if (next.kind === 'flush') return { ...parseCommands(payloads), consumed: Buffer.concat(chunks) };
      payloads.push(next.payload);
    }
    if (size > maxHeadBytes) throw new PacketError('The push updates too many refs at once: push them in parts.');
  }
}
