import type { IncomingMessage } from 'node:http';
import { bytes, flag } from '../../watchdog/limits';

export type Event = Readonly<{
  body: unknown;
  /** Names in lower case. */
  headers: IncomingMessage['headers'];
  method: string;
  /** A name that comes several times has a list. */
  query: Readonly<Record<string, string | string[]>>;
  /** As it was sent: percent signs are left alone. */
  path: string;
}>;

/** How bodies are read: the names are those of OpenFaaS' templates. */
export type BodyRules = Readonly<{ isRaw: boolean; maxJsonBytes: number; maxTextBytes: number; maxRawBytes: number }>;

const mebibyte = 2 ** 20;

export function readBodyRules(env: Readonly<Record<string, string | undefined>>): BodyRules {
  return {
    isRaw: flag(env.RAW_BODY, false),
    maxJsonBytes: bytes(env.MAX_JSON_SIZE, 8 * mebibyte),
    maxTextBytes: bytes(env.MAX_TEXT_SIZE, 8 * mebibyte),
    maxRawBytes: bytes(env.MAX_RAW_SIZE, 64 * mebibyte),
  };
}

/** A body that the function cannot be given; answered with `status`. */
export class BodyError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** @throws BodyError */
export async function toEvent(request: IncomingMessage, rules: BodyRules): Promise<Event> {
  const { headers, method = 'GET', url = '/' } = request;
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? {} : toRecord(new URLSearchParams(url.slice(mark + 1)));
  return { body: await toBody(request, rules), headers, method, query, path };
}

function toRecord(pairs: URLSearchParams): Record<string, string | string[]> {
  const lists = new Map<string, string[]>();
  for (const [name, value] of pairs) lists.set(name, [...(lists.get(name) ?? []), value]);
  return Object.fromEntries([...lists].map(([name, list]) => [name, list.length === 1 ? (list[0] as string) : list]));
}

/** JSON becomes its value, forms an object, text a string, everything else a Buffer; with RAW_BODY all are Buffers. */
async function toBody(request: IncomingMessage, rules: BodyRules): Promise<unknown> {
  if (rules.isRaw) return read(request, rules.maxRawBytes, 'MAX_RAW_SIZE');
  const type = (request.headers['content-type'] ?? 'text/plain').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) {
    return parseJson((await read(request, rules.maxJsonBytes, 'MAX_JSON_SIZE')).toString('utf8'));
  }
  if (type === 'application/x-www-form-urlencoded') {
    return toRecord(new URLSearchParams((await read(request, rules.maxTextBytes, 'MAX_TEXT_SIZE')).toString('utf8')));
  }
  if (type.startsWith('text/')) return (await read(request, rules.maxTextBytes, 'MAX_TEXT_SIZE')).toString('utf8');
  return read(request, rules.maxRawBytes, 'MAX_RAW_SIZE');
}

function parseJson(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new BodyError(400, 'The body is not valid JSON, which its Content-Type says it is.');
  }
}

/** What is too large is read to its end and dropped: a caller that still sends would not see the answer. */
function read(request: IncomingMessage, limit: number, variable: string): Promise<Buffer> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        chunks = [];
        reject(new BodyError(413, `The body is larger than ${limit} bytes, the limit that ${variable} sets.`));
      }
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => reject(new BodyError(400, 'The body was cut off.')));
  });
}
