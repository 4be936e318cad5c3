import type { ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { reply } from '../../watchdog/call-server';
import type { Context } from './context';

type Log = (text: string) => void;

/** Sends what the handler answered; for what cannot be sent, status 500 and the reason in the log. Never throws. */
export function sendAnswer(response: ServerResponse, context: Context, log: Log): void {
  try {
    for (const [name, value] of Object.entries(context.headers())) response.setHeader(name, value);
    response.statusCode = validStatus(context.status());
    write(response, context.result, log);
  } catch (error) {
    log(`The handler's answer cannot be sent: ${(error as Error).message}`);
    reply(response, 500, 'The function gave an answer that cannot be sent. Its log tells why.');
  }
}

function validStatus(status: unknown): number {
  const code = Number(status);
  if (Number.isInteger(code) && code >= 200 && code <= 599) return code;
  throw new RangeError(`${String(status)} is no HTTP status.`);
}

function write(response: ServerResponse, value: unknown, log: Log): void {
  if (value === undefined || value === null) return end(response, '');
  if (value instanceof Uint8Array) return end(response, value);
  if (isStream(value)) {
    pipeline(value, response, (error) => {
      if (error && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') log(`The answer broke off: ${textOf(error)}`);
    });
    return;
  }
  if (typeof value === 'object') {
    // OpenFaaS' own template leaves this to Express, which says text/html; JSON is what everyone means.
    const text = JSON.stringify(value) ?? '';
    if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json');
    return end(response, text);
  }
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`A ${typeof value} is no answer.`);
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/html; charset=utf-8');
  end(response, String(value));
}

/** With the length also for HEAD, where Node would leave it out. */
function end(response: ServerResponse, body: string | Uint8Array): void {
  const isEmpty = response.statusCode === 204 || response.statusCode === 304;
  if (!isEmpty && !response.hasHeader('content-length')) {
    response.setHeader('content-length', Buffer.byteLength(body));
  }
  response.end(body);
}

/** Node's and the web's streams, and async generators. */
function isStream(value: unknown): value is Readable {
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}

export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
