import { callIdMark } from '@wherry/contract';
import { redact } from './redact';

/** Longest line that is kept, in characters. */
export const maxLineLength = 16 * 1024;
const cutMark = ' … [the line was cut]';
const { start, error, end } = callIdMark;
const markStart = new RegExp(`^${start}(${error}?)([^${start}${error}${end}]{0,128})${end}`);

/**
 * How much of a line has to be looked at. Four bytes are the longest UTF-8 character; a needle that starts before the
 * cut must be seen whole.
 */
export function maxLineBytes(needles: readonly string[]): number {
  return 4 * (maxLineLength + (needles[0]?.length ?? 0)) + 256;
}

/** `end` is the offset in the output just behind the line. */
export type ParsedLine = Readonly<{ end: number; stream: 'stdout' | 'stderr'; callId: string; text: string }>;

/**
 * Makes lines of a function's raw output: finds the call ids and the streams, redacts, cuts long lines. Pieces may be split anywhere,
 * also inside a character or a secret; an unfinished line waits for its end, and only what can be shown of it is held.
 */
export class LogParser {
  private held: Buffer[] = [];
  private heldBytes = 0;
  private readonly maxHeldBytes: number;

  /** `offset`: where in the output the next piece starts. */
  constructor(
    private readonly needles: readonly string[],
    private offset: number,
  ) {
    this.maxHeldBytes = maxLineBytes(needles);
  }

  /** A parser for what follows from another offset on; an unfinished line is forgotten. */
  at(offset: number): LogParser {
    return new LogParser(this.needles, offset);
  }

  push(piece: Buffer): ParsedLine[] {
    const lines: ParsedLine[] = [];
    let start = 0;
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, start)) {
      this.hold(piece.subarray(start, end));
      this.offset += 1; // The line feed.
      lines.push(this.finish());
      start = end + 1;
    }
    this.hold(piece.subarray(start));
    return lines;
  }

  /** The unfinished last line, when there is one: nothing more will come. */
  flush(): ParsedLine[] {
    return this.heldBytes === 0 ? [] : [this.finish()];
  }

  private hold(bytes: Buffer): void {
    this.offset += bytes.length;
    const room = this.maxHeldBytes - this.heldBytes;
    if (bytes.length === 0 || room <= 0) return;
    // A copy: the caller reads the next piece into the same memory.
    this.held.push(Buffer.from(bytes.subarray(0, room)));
    this.heldBytes += Math.min(bytes.length, room);
  }

  private finish(): ParsedLine {
    // PostgreSQL's text cannot hold NUL.
    const raw = Buffer.concat(this.held).toString().replaceAll('\0', '').replace(/\r$/, '');
    this.held = [];
    this.heldBytes = 0;
    const mark = markStart.exec(raw);
    const text = mark ? raw.slice(mark[0].length) : raw;
    const shown = redact(text, this.needles, maxLineLength);
    return {
      end: this.offset,
      stream: mark?.[1] ? 'stderr' : 'stdout',
      callId: mark?.[2] ?? '',
      text: text.length > maxLineLength ? shown + cutMark : shown,
    };
  }
}
