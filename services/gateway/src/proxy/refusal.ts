import { STATUS_CODES, type ServerResponse } from 'node:http';
import { headers as names } from '@wherry/contract';

/** A reply that the gateway makes itself. `text` tells the caller, or whoever runs the function, what to do. */
export type Refusal = Readonly<{
  status: number;
  text: string;
  retryAfterSeconds?: number;
  allow?: string;
  authenticate?: string;
}>;

export const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Every failure that callers can be told, apart from those of targets. */
export const refusals = {
  method: { status: 405, allow: [...methods].join(', '), text: `Functions take ${[...methods].join(', ')}.` },
  noFunction: (name: string, tenant: string): Refusal => ({
    status: 404,
    // The root is answered by the function of this name, when there is one.
    text: `${tenant} has no function "${name.slice(0, 80) || 'index'}" that is live. Check the spelling, or push it first.`,
  }),
  tooLarge: (limitBytes: number): Refusal => ({
    status: 413,
    text: `The request body is larger than ${Math.floor(limitBytes / 1_048_576)} MiB. Send less, or in parts.`,
  }),
  tooManyCalls: (retryAfterSeconds: number): Refusal => ({
    status: 429,
    retryAfterSeconds,
    text: 'This function is called more often than its limit. Try again later.',
  }),
  tooManyAtOnce: {
    status: 429,
    retryAfterSeconds: 1,
    text: 'This function has as many calls in flight as its limit. Try again when some have ended.',
  },
  parkedFull: {
    status: 503,
    retryAfterSeconds: 5,
    text: 'The function is starting, and too many calls already wait for it. Try again in a few seconds.',
  },
  notStarted: {
    status: 503,
    retryAfterSeconds: 10,
    text: 'The function did not start in time. Try again in a few seconds; its logs say what it is doing.',
  },
  crashing: {
    status: 503,
    retryAfterSeconds: 30,
    text: 'The function crashes when it starts, and is started again with growing pauses. Its logs say why; push a fix, or roll back.',
  },
  noMetering: {
    status: 503,
    retryAfterSeconds: 5,
    text: 'The gateway cannot record calls now, so it takes none. The operator must make room on the disk of its journal.',
  },
  badCall: { status: 400, text: 'The request cannot be passed on: a header has characters that HTTP does not allow.' },
  functionFailed: {
    status: 502,
    text: 'The function ended the connection without a valid reply. Its logs say why.',
  },
  timedOut: (timeoutMs: number): Refusal => ({
    status: 504,
    text: `The function did not finish within its limit of ${timeoutMs / 1000} s. Its logs may say why.`,
  }),
  passwordNeeded: {
    status: 401,
    // RFC 7617: the browser asks for both, and any name will do.
    authenticate: 'Basic realm="preview", charset="UTF-8"',
    text: 'This preview has a password. Send it by HTTP basic authentication, with any user name; members of its tenant can make a new one in the dashboard.',
  },
  badProbe: { status: 403, text: 'The probe is not signed for this route by this platform, or not from now.' },
} as const satisfies Record<string, Refusal | ((...args: never[]) => Refusal)>;

/** Sends a refusal whole, as plain text. */
export function sendRefusal(res: ServerResponse, refusal: Refusal, callId: string | null): void {
  const body = Buffer.from(`${refusal.text}\n`);
  const lines = ['content-type', 'text/plain; charset=utf-8', 'content-length', String(body.length)];
  lines.push('x-content-type-options', 'nosniff', names.internal, 'gateway');
  if (callId !== null) lines.push(names.callId, callId);
  if (refusal.retryAfterSeconds !== undefined) lines.push('retry-after', String(refusal.retryAfterSeconds));
  if (refusal.allow !== undefined) lines.push('allow', refusal.allow);
  if (refusal.authenticate !== undefined) lines.push('www-authenticate', refusal.authenticate);
  res.writeHead(refusal.status, STATUS_CODES[refusal.status] ?? '', lines);
  res.end(body);
}
