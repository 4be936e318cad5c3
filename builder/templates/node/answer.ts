import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Limits } from './limits';

export type Event = Readonly<{
  body: unknown;
  headers: IncomingMessage['headers'];
  method: string;
  query: Readonly<Record<string, string | string[]>>;
  path: string;
}>;
type Callback = (error?: unknown, value?: unknown) => void;
export type Handler = (event: Event, context: Context, callback: Callback) => unknown;

/** What a handler answers with. The first of succeed, fail, callback or a returned value counts. */
export class Context {
  private statusCode = 200;
  private values: Record<string, string | string[]> = {};
  isDone = false;
  result: unknown;

  constructor(private readonly done: () => void) {}

  /** Sets the status, or tells it when called without one. */
  status(code?: number): number | this {
    if (code === undefined) return this.statusCode;
    this.statusCode = Number.isInteger(code) && code >= 100 && code <= 599 ? code : 500;
    return this;
  }

  headers(values?: Record<string, string | string[]>): Record<string, string | string[]> | this {
    if (values === undefined) return this.values;
    this.values = values;
    return this;
  }

  succeed(value?: unknown): this {
    if (this.isDone) return this;
    this.isDone = true;
    this.result = value;
    this.done();
    return this;
  }

  fail(value?: unknown): this {
    if (this.statusCode === 200) this.statusCode = 500;
    return this.succeed(value instanceof Error ? value.message : value);
  }
}

/** A body that the function cannot be given; answered with `status`. */
class BodyError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Runs the handler for one request and writes its answer. Never throws. */
export async function answer(handler: Handler, request: IncomingMessage, response: ServerResponse, limits: Limits): Promise<void> {
  const startedAt = process.hrtime.bigint();
  const context = new Context(() => send(response, context, startedAt));
  const timer =
    limits.execTimeoutMs > 0 ? setTimeout(() => timedOut(response, context, limits.execTimeoutMs), limits.execTimeoutMs) : null;
  response.once('close', () => timer && clearTimeout(timer));
  try {
    const event = await toEvent(request, limits);
    const value = await handler(event, context, (error, result) => (error ? context.fail(error) : context.succeed(result)));
    // A handler that takes the callback may answer later, after it returned nothing.
    if (!context.isDone && (value !== undefined || handler.length < 3)) {
      if (value !== undefined || handler.constructor.name === 'AsyncFunction') context.succeed(value);
    }
  } catch (error) {
    if (error instanceof BodyError) context.status(error.status);
    else process.stderr.write(`The handler failed: ${(error as Error)?.stack ?? String(error)}\n`);
    context.fail(error instanceof Error ? error : String(error));
  }
}

function timedOut(response: ServerResponse, context: Context, timeoutMs: number): void {
  if (context.isDone) return;
  process.stderr.write(`The handler did not answer within ${timeoutMs} ms (exec_timeout).\n`);
  response.setHeader('x-openfaas-internal', 'of-watchdog');
  context.status(504);
  context.succeed(`The function did not answer within ${timeoutMs} ms.`);
}

function send(response: ServerResponse, context: Context, startedAt: bigint): void {
  if (response.headersSent || response.destroyed) return;
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  response.setHeader('x-duration-seconds', seconds.toFixed(6));
  try {
    for (const [name, value] of Object.entries(context.headers() as Record<string, string | string[]>)) {
      response.setHeader(name, value);
    }
    response.statusCode = context.status() as number;
    write(response, context.result);
  } catch (error) {
    process.stderr.write(`The handler's answer could not be sent: ${(error as Error).message}\n`);
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    response.statusCode = 500;
    response.end('The function gave an answer that cannot be sent.');
  }
}

type Pipeable = { pipe: (to: ServerResponse) => unknown; on: (event: 'error', listener: (error: Error) => void) => unknown };

function write(response: ServerResponse, value: unknown): void {
  if (value === undefined || value === null) return void response.end();
  if (value instanceof Uint8Array) return void response.end(value);
  if (typeof (value as Pipeable).pipe === 'function') {
    (value as Pipeable).on('error', () => response.destroy());
    return void (value as Pipeable).pipe(response);
  }
  if (typeof value === 'object') {
    // OpenFaaS' own template leaves this to Express, which says text/html; JSON is what everyone means.
    if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json');
    return void response.end(JSON.stringify(value));
  }
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(String(value));
}

async function toEvent(request: IncomingMessage, limits: Limits): Promise<Event> {
  const url = new URL(request.url ?? '/', 'http://function');
  const query: Record<string, string | string[]> = {};
  for (const key of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(key);
    query[key] = values.length === 1 ? (values[0] as string) : values;
  }
  const body = await toBody(request, limits);
  return { body, headers: request.headers, method: request.method ?? 'GET', query, path: url.pathname };
}

async function toBody(request: IncomingMessage, limits: Limits): Promise<unknown> {
  const type = (request.headers['content-type'] ?? 'text/plain').split(';')[0]?.trim().toLowerCase() ?? '';
  if (limits.isRawBody) return read(request, limits.maxRawBytes);
  if (type === 'application/json' || type.endsWith('+json')) {
    const text = (await read(request, limits.maxJsonBytes)).toString('utf8');
    if (text === '') return {};
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new BodyError(400, 'The body is not valid JSON.');
    }
  }
  if (type === 'application/x-www-form-urlencoded') {
    return Object.fromEntries(new URLSearchParams((await read(request, limits.maxTextBytes)).toString('utf8')));
  }
  if (type.startsWith('text/')) return (await read(request, limits.maxTextBytes)).toString('utf8');
  const raw = await read(request, limits.maxRawBytes);
  return raw.length === 0 ? {} : raw;
}

async function read(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new BodyError(413, `The body is larger than ${limit} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
