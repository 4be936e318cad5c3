import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { durationSeconds, internalHeader, reply } from '../../watchdog/call-server';
import { callTimeoutMs, type Limits } from '../../watchdog/limits';
import { Context } from './context';
import { BodyError, toEvent, type BodyRules, type Event } from './event';

type Callback = (error?: unknown, value?: unknown) => void;
export type Handler = (event: Event, context: Context, callback: Callback) => unknown;
export type Rules = Readonly<{ limits: Limits; body: BodyRules }>;

/** Runs the handler for one request and writes its answer. Never throws. */
export async function answer(
  handler: Handler,
  request: IncomingMessage,
  response: ServerResponse,
  rules: Rules,
): Promise<void> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | null = null;
  const context = new Context(() => {
    if (timer) clearTimeout(timer);
    send(response, context, startedAt);
  });
  response.once(
    'close',
    AsyncLocalStorage.bind(() => {
      if (context.isDone) return;
      if (timer) clearTimeout(timer);
      context.abandon();
      log('The call ended before the handler answered: its caller left, or its time was over.');
    }),
  );
  try {
    const event = await toEvent(request, rules.body);
    if (context.isDone) return;
    const timeoutMs = callTimeoutMs(rules.limits, request.headers['x-timeout']);
    if (timeoutMs > 0) timer = setTimeout(() => timedOut(response, context, timeoutMs), timeoutMs);
    await run(handler, event, context);
  } catch (error) {
    if (error instanceof BodyError) return refuse(response, context, error.status, error.message);
    log(`The handler failed: ${textOf(error)}`);
    context.fail(error instanceof Error ? error : String(error));
  }
}

/**
 * What the handler returns, or what its promise gives, is the answer unless it gave one before. Nothing at all is one
 * too, as in OpenFaaS, except from a handler that takes the callback: that one may answer later.
 */
async function run(handler: Handler, event: Event, context: Context): Promise<void> {
  const value = await handler(event, context, (error, result) => {
    if (!error) return void context.succeed(result);
    if (error instanceof Error) log(`The handler failed: ${textOf(error)}`);
    context.fail(error);
  });
  if (value !== undefined || handler.length < 3) context.succeed(value);
}

function timedOut(response: ServerResponse, context: Context, timeoutMs: number): void {
  log(`The handler did not answer within ${timeoutMs} ms (exec_timeout).`);
  refuse(response, context, 504, `The function did not answer within ${timeoutMs} ms.`);
}

/** Answers in the handler's place; what it says later counts no more. */
function refuse(response: ServerResponse, context: Context, status: number, text: string): void {
  context.abandon();
  reply(response, status, text, { [internalHeader]: 'of-watchdog' });
}

function send(response: ServerResponse, context: Context, startedAt: number): void {
  if (response.headersSent || response.destroyed) return;
  response.setHeader('x-duration-seconds', durationSeconds(startedAt));
  try {
    for (const [name, value] of Object.entries(context.headers())) response.setHeader(name, value);
    response.statusCode = validStatus(context.status());
    write(response, context.result);
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

function write(response: ServerResponse, value: unknown): void {
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

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}
