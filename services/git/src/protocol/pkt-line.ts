/** The flush packet: ends a section of git's wire format (gitprotocol-common, "pkt-line Format"). */
export const flush = Buffer.from('0000');

/** The longest payload of one packet: 65,520 bytes with its four length digits. */
export const maxPayload = 65_516;

export type Packet = Readonly<{ kind: 'data'; payload: Buffer; raw: Buffer } | { kind: 'flush' }>;

/** The bytes were not pkt-lines. */
export class PacketError extends Error {
  override name = 'PacketError';
}

/** One packet around `payload`. @throws RangeError when it is longer than a packet may be. */
export function packet(payload: string | Buffer): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  if (bytes.length > maxPayload) throw new RangeError(`A packet holds at most ${maxPayload} bytes.`);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
}

/** Cuts a stream of bytes into packets, however the bytes were cut on their way. */
export class PacketReader {
  private buffered: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk]);
  }

  /** Bytes that were pushed and belong to no packet yet. */
  get rest(): Buffer {
    return this.buffered;
  }

  /** The next whole packet, or null until more bytes come. @throws PacketError on a length that cannot be. */
  next(): Packet | null {
    if (this.buffered.length < 4) return null;
    const digits = this.buffered.toString('latin1', 0, 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new PacketError('A packet does not start with its length.');
    const length = Number.parseInt(digits, 16);
    if (length === 0) {
      this.buffered = this.buffered.subarray(4);
      return { kind: 'flush' };
    }
    // 1 to 3 are the delimiters of protocol version 2, which pushing does not use.
    if (length < 4 || length > maxPayload + 4) throw new PacketError(`A packet cannot have the length ${length}.`);
    if (this.buffered.length < length) return null;
    const raw = this.buffered.subarray(0, length);
    this.buffered = this.buffered.subarray(length);
    return { kind: 'data', payload: raw.subarray(4), raw };
  }
}
