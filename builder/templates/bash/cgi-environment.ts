import type { IncomingMessage } from 'node:http';

/**
 * What a forked program learns about its request, with the names of OpenFaaS' classic watchdog: `Http_Method`,
 * `Http_Path`, `Http_Query` (only when there is one), and each header as `Http_<Canonical_Name>`, its first value.
 */
export function cgiEnvironment(request: IncomingMessage): Record<string, string> {
  const { method = 'GET', url = '/', rawHeaders } = request;
  const [path = '/', ...query] = url.split('?');
  const result: Record<string, string> = headerVariables(rawHeaders);
  result.Http_Method = method;
  result.Http_Path = path;
  if (query.length > 0 && query.join('') !== '') result.Http_Query = query.join('?');
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding !== undefined) result.Http_Transfer_Encoding = encoding;
  // The classic watchdog has both spellings; -1 is its word for a length that is not known.
  result.Http_ContentLength = length ?? (encoding === undefined ? '0' : '-1');
  return result;
}

function headerVariables(rawHeaders: readonly string[]): Record<string, string> {
  const dashed: Record<string, string> = {};
  const underscored: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    // Many programs take a variable of this name, in any case, for the proxy to use: a caller must not set it.
    if (/^proxy$/i.test(name)) continue;
    const into = name.includes('_') ? underscored : dashed;
    into[`Http_${canonical(name)}`] ??= rawHeaders[at + 1] as string;
  }
  // X_Call_Id and X-Call-Id become the same variable; only the second can be the platform's.
  return { ...underscored, ...dashed };
}

/** `x-call-id` becomes `X_Call_Id`. */
function canonical(name: string): string {
  return name
    .split('-')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase())
    .join('_');
}
