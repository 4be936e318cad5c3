import type { Readable } from 'node:stream';
import { readChunk } from './read-chunk';

/** The head of a CGI reply (RFC 3875, section 6), and the bytes of the body that came with it. */
export type CgiHead = Readonly<{ status: number; headers: Readonly<Record<string, string>>; body: Buffer }>;

const maxHeadBytes = 16 * 1024;

/**
 * Takes the head off a CGI program's output and leaves the rest of the body in the stream.
 * @throws Error when the program ends, or says too much, before the head is whole.
 */
export async function readCgiHead(stream: Readable): Promise<CgiHead> {
  let seen = Buffer.alloc(0);
  for (;;) {
    const chunk = await readChunk(stream);
    if (chunk === null) throw new Error('git http-backend ended without a reply.');
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\r\n\r\n');
    if (end >= 0) return parse(seen.toString('latin1', 0, end), seen.subarray(end + 4));
    if (seen.length > maxHeadBytes) throw new Error('git http-backend sent a head that does not end.');
  }
}

function parse(text: string, body: Buffer): CgiHead {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'status') status = Number.parseInt(value, 10);
    else if (name !== '') headers[name] = value;
  }
  return { status, headers, body };
}
