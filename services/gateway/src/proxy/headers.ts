import { headers as names } from '@wherry/contract';

/** Of one connection only (RFC 9110, section 7.6.1), or made anew by whoever sends the next message. */
const hopByHop = new Set([
  ...['connection', 'proxy-connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'expect'],
]);
/** What a Connection header may not take away: without these the call would mean something else. */
const kept = new Set(['host', 'content-length', 'content-type', 'cookie', 'authorization']);
const platformPrefix = 'x-wherry-';
/** Also behind an equals sign: browsers send a cookie without a name as its bare value, which reads like a named one. */
const sessionCookie = /^[\s=]*(?:__(?:Host|Secure)-)?wherry_session\s*(?:=|;|$)/i;
/** An attribute of a Set-Cookie header, and so behind a semicolon: what stands before the first one is the cookie. */
const domainAttribute = /;[ \t]*domain[ \t]*(?:=[^;]*)?(?=;|$)/gi;
const saneCallId = /^[!-~]{1,128}$/;

/** What one pass over a request's header lines finds out. */
export type RequestHead = {
  /** Null when there was none, or more than one. */
  host: string | null;
  /** The caller's, when it is sane. */
  callId: string | null;
  probe: string | null;
  contentType: string | null;
  /** Null: no body, or one of unknown length. */
  contentLength: number | null;
  hasBody: boolean;
  expectsContinue: boolean;
  /** Names and values in turn: what the function is given, before the platform's own are added. */
  forward: string[];
};

/** @param raw names and values in turn, as they came (`IncomingMessage.rawHeaders`). */
export function readRequestHead(raw: readonly string[]): RequestHead {
  const head: RequestHead = {
    host: null,
    callId: null,
    probe: null,
    contentType: null,
    contentLength: null,
    hasBody: false,
    expectsContinue: false,
    forward: [],
  };
  let hosts = 0;
  let connection = '';
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase();
    const value = raw[at + 1] as string;
    if (name === 'host') {
      hosts += 1;
      head.host = hosts === 1 ? value : null;
    } else if (name === 'content-length') {
      head.contentLength = Number(value);
      head.hasBody ||= head.contentLength > 0;
    } else if (name === 'content-type') head.contentType = value;
    else if (name === 'connection') connection = connection === '' ? value : `${connection},${value}`;
    if (hopByHop.has(name)) readHopByHop(head, name, value);
    else if (name.startsWith('x-')) readExtension(head, name, value);
    else if (name === 'cookie') addCookies(head.forward, value);
    else head.forward.push(name, value);
  }
  if (hasNames(connection)) head.forward = without(head.forward, connection);
  return head;
}

/** Takes the Authorization headers out of what the function is given. Returns the first one, or null. */
export function takeAuthorization(head: RequestHead): string | null {
  return take(head, 'authorization');
}

/** Takes the cookies out of what the function is given. */
export function takeCookies(head: RequestHead): void {
  if (head.forward.includes('cookie')) take(head, 'cookie');
}

function take(head: RequestHead, taken: string): string | null {
  let first: string | null = null;
  const rest: string[] = [];
  for (let at = 0; at < head.forward.length; at += 2) {
    const [name, value] = [head.forward[at] as string, head.forward[at + 1] as string];
    if (name === taken) first ??= value;
    else rest.push(name, value);
  }
  head.forward = rest;
  return first;
}

function readHopByHop(head: RequestHead, name: string, value: string): void {
  if (name === 'transfer-encoding') head.hasBody = true;
  else if (name === 'expect') head.expectsContinue = value.toLowerCase() === '100-continue';
}

function readExtension(head: RequestHead, name: string, value: string): void {
  if (name === names.callId) head.callId ??= saneCallId.test(value) ? value : null;
  else if (name === names.probe) head.probe ??= value;
  else if (name !== names.startTime && !name.startsWith(platformPrefix)) head.forward.push(name, value);
}

function addCookies(forward: string[], value: string): void {
  if (!value.toLowerCase().includes('wherry_session')) {
    forward.push('cookie', value);
    return;
  }
  const rest = value.split(';').filter((cookie) => !sessionCookie.test(cookie));
  const text = rest.join(';').trim();
  if (text !== '') forward.push('cookie', text);
}

/** Adds what the platform tells each function. `X-Forwarded-*` are the caller's word when it sent them. */
export function addPlatformHeaders(
  head: RequestHead,
  call: Readonly<{ callId: string; startTime: string; remote: string }>,
): string[] {
  const { forward } = head;
  let forwarded = 0;
  for (let at = 0; at < forward.length; at += 2) {
    const name = forward[at] as string;
    if (name === 'x-forwarded-host') forwarded |= 1;
    else if (name === 'x-forwarded-for') forwarded |= 2;
    else if (name === 'x-forwarded-proto') forwarded |= 4;
  }
  forward.push(names.callId, call.callId, names.startTime, call.startTime);
  if ((forwarded & 1) === 0 && head.host !== null) forward.push('x-forwarded-host', head.host);
  if ((forwarded & 2) === 0) forward.push('x-forwarded-for', call.remote);
  if ((forwarded & 4) === 0) forward.push('x-forwarded-proto', 'http');
  return forward;
}

/** What the platform says on every reply of a function. */
export type ReplyFacts = Readonly<{
  callId: string;
  startTime: string;
  /** From the start of the call to the first byte of the reply. */
  durationMs: number;
  /** For a reply with a body that does not say what it is; null: leave it so. */
  contentType: string | null;
  /** Whether the host of the call is its tenant's own. Where tenants share one, no function sets a cookie. */
  isOwnHost: boolean;
}>;

type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Names and values in turn: what the caller is given. `from` has lower-case names. */
export function replyHeaders(from: ReplyHeaders, facts: ReplyFacts): string[] {
  const to: string[] = [];
  let hasDuration = false;
  let hasContentType = false;
  for (const name in from) {
    const value = from[name];
    if (value === undefined || hopByHop.has(name)) continue;
    if (name.startsWith('x-')) {
      if (name === names.callId || name === names.startTime || name.startsWith(platformPrefix)) continue;
      if (name === names.durationSeconds) hasDuration = true;
    } else if (name === 'content-type') hasContentType = true;
    if (name === 'set-cookie') addSetCookies(to, value, facts.isOwnHost);
    else if (typeof value === 'string') to.push(name, value);
    else for (const one of value) to.push(name, one);
  }
  const connection = String(from.connection ?? '');
  // The platform's own words are added afterwards, so that a function cannot take them away.
  const reply = hasNames(connection) ? without(to, connection) : to;
  reply.push(names.callId, facts.callId, names.startTime, facts.startTime);
  if (!hasDuration) reply.push(names.durationSeconds, (facts.durationMs / 1000).toFixed(6));
  if (!hasContentType && facts.contentType !== null) reply.push('content-type', facts.contentType);
  return reply;
}

/**
 * Browsers give a cookie with a domain to all hosts below it (RFC 6265, section 5.2.3), which are those of other tenants
 * too. Nothing of a tenant is below its own host, so a cookie needs none.
 */
function addSetCookies(to: string[], value: string | string[], isOwnHost: boolean): void {
  if (!isOwnHost) return;
  for (const cookie of typeof value === 'string' ? [value] : value) {
    if (!sessionCookie.test(cookie)) to.push('set-cookie', cookie.replace(domainAttribute, ''));
  }
}

function hasNames(connection: string): boolean {
  return connection !== '' && !/^\s*(?:keep-alive|close|upgrade)\s*$/i.test(connection);
}

/** Without the headers that a Connection header names: they were meant for the next hop only. */
function without(list: readonly string[], connection: string): string[] {
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  const rest: string[] = [];
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] as string;
    if (!named.has(name) || kept.has(name)) rest.push(name, list[at + 1] as string);
  }
  return rest;
}
