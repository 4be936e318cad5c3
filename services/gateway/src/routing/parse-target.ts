import { isIP } from 'node:net';

/** Where a request wants to go, by its Host header and raw request target alone. */
export type Target =
  /**
   * `indexPath` is what the function `index` is given when `name` is none of the tenant's functions; null: never, as on
   * the host that all tenants share.
   */
  | Readonly<{ kind: 'function'; label: string; name: string; path: string; indexPath: string | null }>
  | Readonly<{ kind: 'healthz' }>
  | Readonly<{ kind: 'refused'; status: 400 | 404; text: string }>;

const badHost = refused(400, 'The Host header is missing or malformed. Send the host name of the URL, once.');
const badPath = refused(
  400,
  'The path is malformed. Send an origin-form target: it starts with /, every % is followed by two hexadecimal digits, and it holds no backslash, space or fragment.',
);
const noSuchPath = refused(404, 'Nothing is served here. Call a function as /function/<name>.<tenant> on this host.');
const noTenant = refused(
  404,
  'The tenant is missing in the path. Call a function as /function/<name>.<tenant>, with a dot between the two.',
);

const hostGrammar = /^(?:\[[0-9a-f:.]+\]|[-_a-z0-9.]+)(?::[0-9]{1,5})?$/;
/** Anything but visible ASCII without fragment and backslash, or a percent sign that starts no escape. */
const badTarget = /[^!-~]|[#\\]/;
const badEscape = /%(?![0-9a-fA-F]{2})/;
const functionPrefix = '/function/';

/**
 * Reads a target without decoding anything: names are compared with the raw first segment, and the raw rest goes to
 * the function, so an encoded slash or dot can never mean one thing here and another one there.
 * @param host the Host header as it came; null when there is none or more than one.
 * @param url the request target as it came.
 * @param appsDomain lower case, without a port: tenants are its direct subdomains.
 */
export function parseTarget(host: string | null, url: string, appsDomain: string): Target {
  if (host === null) return badHost;
  const lower = host.toLowerCase();
  if (!hostGrammar.test(lower)) return badHost;
  if (url.charCodeAt(0) !== 0x2f || badTarget.test(url)) return badPath;
  const queryAt = url.indexOf('?');
  const path = queryAt === -1 ? url : url.slice(0, queryAt);
  if (badEscape.test(path)) return badPath;
  const name = hostName(lower);
  if (name === appsDomain || name === 'localhost' || isIP(name) !== 0) return onOwnHost(url, path);
  const labelLength = name.length - appsDomain.length - 1;
  const label = name.slice(0, Math.max(0, labelLength));
  if (label === '' || label.includes('.') || name.slice(labelLength) !== `.${appsDomain}`) {
    return refused(404, `No tenant is served at the host ${name}. Functions are at <tenant>.${appsDomain}/<function>.`);
  }
  return atSegment(url, path, 1, label);
}

function onOwnHost(url: string, path: string): Target {
  if (path === '/healthz') return { kind: 'healthz' };
  if (!path.startsWith(functionPrefix)) return noSuchPath;
  const end = segmentEnd(path, functionPrefix.length);
  const dot = path.lastIndexOf('.', end - 1);
  if (dot <= functionPrefix.length || dot === end - 1) return noTenant;
  return {
    kind: 'function',
    label: path.slice(dot + 1, end),
    name: path.slice(functionPrefix.length, dot),
    path: rest(url, end),
    indexPath: null,
  };
}

function atSegment(url: string, path: string, start: number, label: string): Target {
  const end = segmentEnd(path, start);
  return { kind: 'function', label, name: path.slice(start, end), path: rest(url, end), indexPath: url };
}

function segmentEnd(path: string, start: number): number {
  const slash = path.indexOf('/', start);
  return slash === -1 ? path.length : slash;
}

/** `/name` and `/name?query` are served as `/` and `/?query`. */
function rest(url: string, end: number): string {
  if (end === url.length) return '/';
  return url.charCodeAt(end) === 0x2f ? url.slice(end) : `/${url.slice(end)}`;
}

function hostName(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  const colon = host.indexOf(':');
  return colon === -1 ? host : host.slice(0, colon);
}

function refused(status: 400 | 404, text: string): Target {
  return { kind: 'refused', status, text };
}
