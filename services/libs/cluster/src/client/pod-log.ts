import type { ClusterClient } from './cluster-client';

/** A line with the time at which the container runtime took it: RFC 3339 with up to nine digits of a second. */
export type PodLogLine = Readonly<{ at: string; bytes: Buffer }>;

export type PodLogOptions = Readonly<{
  namespace: string;
  pod: string;
  container: string;
  /** Lines later than this; all that there are when null. */
  after: string | null;
  /** Of the run before the present one: ends at its end. Else follows the present run until it ends. */
  isPrevious: boolean;
  /** What is told of a line at most; the rest of it is read and dropped. */
  maxLineBytes: number;
  /** Waited for before that many bytes are looked at, whether or not they hold the end of a line. */
  pace: (bytes: number) => Promise<void>;
}>;

/** The server writes this before each line: the longest time stamp, and a space. */
const maxStampBytes = '2000-01-01T00:00:00.000000000+00:00 '.length;

/**
 * What a container printed. Ends with the container's run; throws when the connection breaks. However much is printed
 * without a line feed, no more of it is held than can be told.
 */
export async function* podLog(
  client: Pick<ClusterClient, 'stream'>,
  options: PodLogOptions,
  signal: AbortSignal,
): AsyncIterable<PodLogLine> {
  const { namespace, pod, container, after, isPrevious, maxLineBytes, pace } = options;
  const query = {
    ...{ container, timestamps: true, follow: !isPrevious, previous: isPrevious },
    // The server knows whole seconds; the rest is compared here.
    sinceTime: after === null ? undefined : `${after.slice(0, 19)}Z`,
  };
  const line = new UnfinishedLine(maxStampBytes + maxLineBytes);
  for await (const piece of client.stream(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, query, signal)) {
    await pace(piece.length);
    let start = 0;
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, start)) {
      line.add(piece.subarray(start, end));
      const found = lineOf(line.take(), after);
      if (found) yield found;
      start = end + 1;
    }
    line.add(piece.subarray(start));
  }
  const last = lineOf(line.take(), after);
  if (last) yield last;
}

/** The beginning of a line whose end has not come yet. */
class UnfinishedLine {
  private pieces: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  add(piece: Buffer): void {
    const kept = piece.subarray(0, this.maxBytes - this.bytes);
    if (kept.length === 0) return;
    // A copy: the piece may be a small part of a large buffer.
    this.pieces.push(Buffer.from(kept));
    this.bytes += kept.length;
  }

  take(): Buffer {
    const line = Buffer.concat(this.pieces);
    this.pieces = [];
    this.bytes = 0;
    return line;
  }
}

function lineOf(raw: Buffer, after: string | null): PodLogLine | null {
  const space = raw.indexOf(32);
  const at = raw.subarray(0, Math.max(space, 0)).toString();
  if (!/^\d{4}-\d\d-\d\dT/.test(at)) return null;
  return after !== null && sortable(at) <= sortable(after) ? null : { at, bytes: raw.subarray(space + 1) };
}

/** Times in one order: Go leaves out trailing zeros of the fraction. */
function sortable(at: string): string {
  const [, seconds, fraction = ''] = /^(.{19})(?:\.(\d+))?/.exec(at)!;
  return `${seconds}.${fraction.padEnd(9, '0')}`;
}
