import type { IncomingMessage } from 'node:http';

const start = '\u001e';
const error = '\u001d';
const end = '\u001f';

/** The id that the platform gave the call, or an empty text. */
export function callIdOf(request: IncomingMessage): string {
  const id = request.headers['x-call-id'];
  return typeof id === 'string' ? id : '';
}

/**
 * What a line starts with that belongs to a call or to standard error: RS, GS for standard error, the call's id, US. The
 * platform takes it off, and finds lines by call and by stream with it.
 * Written out here because a template is bundled without the contract's own dependencies; a test compares the two.
 */
export function markOf(callId: string, stream: 'stdout' | 'stderr'): string {
  if (stream === 'stderr') return `${start}${error}${callId}${end}`;
  return callId === '' ? '' : `${start}${callId}${end}`;
}

type Write = (chunk: unknown, ...rest: unknown[]) => boolean;

/** Makes every line that is written while a call is handled carry the mark of that call. */
export function markLines(stream: { write: Write }, currentMark: () => string): void {
  const write = stream.write.bind(stream) as Write;
  let isLineStart = true;
  stream.write = (chunk, ...rest) => {
    const mark = currentMark();
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return write(chunk, ...rest);
    const isOtherEncoding = typeof chunk === 'string' && typeof rest[0] === 'string' && !/^utf-?8$/i.test(rest[0]);
    // Bytes pass as latin1, one character each, so that a character that is split between two writes stays whole.
    const isText = typeof chunk === 'string' && !isOtherEncoding;
    const text = isText ? chunk : toBytes(chunk, rest[0]).toString('latin1');
    if (text === '') return write(chunk, ...rest);
    const marked = (isLineStart ? mark : '') + text.replace(/\n(?!$)/g, `\n${mark}`);
    isLineStart = text.endsWith('\n');
    if (mark === '') return write(chunk, ...rest);
    if (isText) return write(marked, ...rest);
    return write(Buffer.from(marked, 'latin1'), ...rest.filter((one) => typeof one !== 'string'));
  };
}

function toBytes(chunk: string | Uint8Array, encoding: unknown): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : Buffer.from(chunk);
}

/** Longest piece of a line that waits for its end, in bytes: what the platform keeps of a line. */
const maxHeld = 16 * 1024;

/** Writes whole lines of one call to the log, so that those of calls side by side do not mix. */
export class MarkedLines {
  private held = '';

  constructor(
    private readonly out: { write: (bytes: Buffer) => unknown },
    private readonly mark: string,
  ) {}

  push(chunk: Buffer): void {
    const lines = (this.held + chunk.toString('latin1')).split('\n');
    this.held = lines.pop() ?? '';
    if (this.held.length > maxHeld) {
      lines.push(this.held);
      this.held = '';
    }
    this.write(lines);
  }

  /** Nothing more will come: writes what has no line feed. */
  end(): void {
    if (this.held !== '') this.write([this.held]);
    this.held = '';
  }

  private write(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.out.write(Buffer.from(lines.map((line) => `${this.mark}${line}\n`).join(''), 'latin1'));
  }
}
