import { StringDecoder } from 'node:string_decoder';

const maxLine = 16 * 1024;
/** What a line costs besides its text: its time, function and stream. Else empty lines would be free. */
const lineOverhead = 64;

/**
 * Cuts a stream of bytes into lines, without colour codes and control characters. A line longer than 16 Ki characters
 * is ended with a mark, so that output without line ends cannot grow in memory.
 */
export class LineSplitter {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  private isSkipping = false;

  constructor(private readonly onLine: (line: string) => void) {}

  push(chunk: Buffer): void {
    const parts = this.decoder.write(chunk).split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) this.end(part);
    this.grow(last);
  }

  flush(): void {
    if (this.rest !== '' && !this.isSkipping) this.onLine(clean(this.rest));
    this.rest = '';
  }

  private end(part: string): void {
    this.grow(part);
    if (!this.isSkipping) this.onLine(clean(this.rest));
    this.rest = '';
    this.isSkipping = false;
  }

  private grow(part: string): void {
    if (this.isSkipping) return;
    this.rest += part;
    if (this.rest.length <= maxLine) return;
    this.onLine(`${clean(this.rest.slice(0, maxLine))} … (line was cut)`);
    this.isSkipping = true;
    this.rest = '';
  }
}

function clean(line: string): string {
  // A progress bar rewrites its line with carriage returns: the last state is the one to keep.
  const visible = line.replace(/\r+$/, '');
  const text = visible.slice(visible.lastIndexOf('\r') + 1);
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
}

/** Lets through the first `bytes` of output and tells once that the rest was cut. One for a whole build. */
export class OutputBudget {
  private used = 0;
  private isCut = false;

  constructor(private readonly bytes: number) {}

  /** What to do with this line: keep it, tell that output is cut from here on, or drop it silently. */
  take(line: string): 'keep' | 'cut' | 'drop' {
    if (this.isCut) return 'drop';
    this.used += Buffer.byteLength(line) + lineOverhead;
    if (this.used <= this.bytes) return 'keep';
    this.isCut = true;
    return 'cut';
  }
}

/** Replaces every secret in a text, also in its base64 and URL-encoded spelling. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const spellings = secrets
    .filter((secret) => secret.length >= 6)
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]);
  const unique = [...new Set(spellings)].toSorted((a, b) => b.length - a.length);
  return (text) => unique.reduce((result, secret) => result.replaceAll(secret, '[redacted]'), text);
}
