import { createHmac } from 'node:crypto';

/** Headers between gateway and functions, and those only the platform may set. All lower case. */
export const headers = {
  callId: 'x-call-id',
  startTime: 'x-start-time',
  durationSeconds: 'x-duration-seconds',
  /** On replies that the platform made itself; names the component. */
  internal: 'x-openfaas-internal',
  /** Asks the gateway for a signed, unmetered truth probe. Value: `<unix ms>.<nonce>.<hex HMAC-SHA256 of the rest and the path>`. */
  probe: 'x-wherry-probe',
  /** On the reply to a probe: the id of the revision that answered. */
  revision: 'x-wherry-revision',
} as const;

/**
 * The text a probe's signature covers. `host` and `path` are those of the request, so a signature opens one route only.
 * Gateways refuse a probe older or newer than 30 s.
 */
export function probeText(sentAtMs: number, nonce: string, host: string, path: string): string {
  return `${sentAtMs}\n${nonce}\n${host}\n${path}`;
}

/**
 * What a probe is signed over. `key`: the trimmed text of the probe key's file; `nonce`: 1 to 64 visible characters
 * without a dot, new for each probe; `host`: the Host header that is sent, port included; `path`: the request target that
 * is sent, query included.
 */
export type ProbeToSign = Readonly<{ key: string; sentAtMs: number; nonce: string; host: string; path: string }>;

/** The value of the probe header. Pure. */
export function signProbe({ key, sentAtMs, nonce, host, path }: ProbeToSign): string {
  const signature = createHmac('sha256', key)
    .update(probeText(sentAtMs, nonce, host, path))
    .digest('hex');
  return `${sentAtMs}.${nonce}.${signature}`;
}

/**
 * A line of a function's output may start with a mark: RS, GS if it was written to standard error, the id of the call that
 * wrote it if there is one, US. Runtimes that know write it; other lines are plain text of standard output.
 */
export const callIdMark = { start: '\u001e', error: '\u001d', end: '\u001f' } as const;
