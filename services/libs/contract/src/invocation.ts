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
 * A line of a function's standard output may carry the id of the call that wrote it: RS, call id, US, text.
 * Runtimes that know the call write it; other lines are plain text.
 */
export const callIdMark = { start: '\u001e', end: '\u001f' } as const;
