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
}>;

/** What a container printed. Ends with the container's run; throws when the connection breaks. */
export async function* podLog(
  client: ClusterClient,
  options: PodLogOptions,
  signal: AbortSignal,
): AsyncIterable<PodLogLine> {
  const { namespace, pod, container, after, isPrevious } = options;
  const query = {
    ...{ container, timestamps: true, follow: !isPrevious, previous: isPrevious },
    // The server knows whole seconds; the rest is compared here.
    sinceTime: after === null ? undefined : `${after.slice(0, 19)}Z`,
  };
  let rest = Buffer.alloc(0);
  for await (const piece of client.stream(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, query, signal)) {
    rest = Buffer.concat([rest, piece]);
    let start = 0;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10, start)) {
      const line = lineOf(rest.subarray(start, end), after);
      if (line) yield line;
      start = end + 1;
    }
    rest = Buffer.from(rest.subarray(start));
  }
  const last = lineOf(rest, after);
  if (last) yield last;
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
