import type { paths } from '@wherry/api-client';

type Invoke = paths['/v1/tenants/{tenant}/functions/{function}/invocations']['post'];
export type Invocation = Invoke['requestBody']['content']['application/json'];
export type InvocationResult = Invoke['responses'][200]['content']['application/json'];
export type Method = NonNullable<Invocation['method']>;

export const methods: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/** What the form holds. A file's content is base64. */
export type TryItForm = Readonly<{
  method: Method;
  path: string;
  headers: readonly Readonly<{ id: number; name: string; value: string }>[];
  bodyKind: 'json' | 'text' | 'file';
  text: string;
  file: Readonly<{ name: string; type: string; base64: string }> | null;
}>;

export const emptyForm: TryItForm = {
  ...{ method: 'GET', path: '/', headers: [], bodyKind: 'json', text: '', file: null },
};

export function hasBody(method: Method): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** The call a form describes. Rows without a name are left out; a content type is added unless one is given. */
export function invocationOf({ method, path, headers, bodyKind, text, file }: TryItForm): Invocation {
  const given = headers
    .filter(({ name }) => name.trim() !== '')
    .map(({ name, value }) => ({ name: name.trim(), value }));
  const call = { method, path: path.startsWith('/') ? path : `/${path}` };
  if (!hasBody(method)) return { ...call, headers: given };
  if (bodyKind === 'file') {
    if (file === null) return { ...call, headers: given };
    const type = file.type || 'application/octet-stream';
    return { ...call, headers: withType(given, type), body: { encoding: 'base64', content: file.base64 } };
  }
  if (text === '') return { ...call, headers: given };
  const type = bodyKind === 'json' ? 'application/json' : 'text/plain';
  return { ...call, headers: withType(given, type), body: { encoding: 'text', content: text } };
}

function withType(headers: { name: string; value: string }[], type: string): { name: string; value: string }[] {
  const isGiven = headers.some(({ name }) => name.toLowerCase() === 'content-type');
  return isGiven ? headers : [...headers, { name: 'content-type', value: type }];
}

/** The same call as a command for a POSIX shell. `url` is the function's, with or without a slash at its end. */
export function curlOf(url: string, { method, path, headers, body }: Invocation, fileName?: string): string {
  const words = ['curl', '-i'];
  if (method === 'HEAD') words.push('--head');
  else if (method !== 'GET') words.push('-X', method ?? 'POST');
  for (const { name, value } of headers ?? []) words.push('-H', quoted(`${name}: ${value}`));
  if (body?.encoding === 'text') words.push('--data-raw', quoted(body.content));
  if (body?.encoding === 'base64') words.push('--data-binary', quoted(`@${fileName ?? 'file'}`));
  words.push(quoted(url.replace(/\/$/, '') + (path ?? '/')));
  return words.join(' ');
}

function quoted(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Why a body cannot be sent as JSON, or null. */
export function jsonProblem({ method, bodyKind, text }: TryItForm): string | null {
  if (!hasBody(method) || bodyKind !== 'json' || text.trim() === '') return null;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}.`;
  }
}

/** Bytes of a reply as text; JSON is set out in lines when `isPretty`. */
export function replyText(base64: string, contentType: string, isPretty: boolean): string {
  const text = new TextDecoder().decode(bytesOf(base64));
  if (!isPretty || !/[/+]json\b/i.test(contentType)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
