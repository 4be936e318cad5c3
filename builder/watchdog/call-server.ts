import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Limits } from './limits';

/** Answers one call, sooner or later. Must not throw. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** On replies that the watchdog makes itself, so that callers can tell them from the function's own. */
export const internalHeader = 'x-openfaas-internal';

/**
 * What every function's server does beside answering: health, readiness, the limit of calls at once, and an end that
 * waits for the calls in flight. Endpoints and texts are those of OpenFaaS' watchdogs.
 */
export class CallServer {
  private readonly open = new Set<ServerResponse>();
  private readonly server = createServer((request, response) => this.take(request, response));
  private state: 'serving' | 'stopping' | 'draining' = 'serving';

  constructor(
    private readonly limits: Limits,
    private readonly answer: Answer,
  ) {
    this.server.requestTimeout = 0; // The gateway limits calls.
    this.server.keepAliveTimeout = 75_000; // Longer than the gateway's, so that only the gateway closes idle connections.
  }

  /**
   * Listens where WHERRY_LISTEN says: on a TCP port when it is a number, else on the unix socket of that path, whose
   * former file is removed. Without it, on TCP port 8080 or `port`.
   */
  listen(env: Readonly<Record<string, string | undefined>>): void {
    const { WHERRY_LISTEN: socket, port } = env;
    if (socket && /^\d+$/.test(socket)) {
      this.server.listen(Number(socket));
    } else if (socket) {
      rmSync(socket, { force: true });
      this.server.listen(socket, 1024, () => chmodSync(socket, 0o660));
    } else {
      this.server.listen(Number(port || 8080));
    }
  }

  /** Says from now on that it is not healthy, and ends the process when all calls are answered. May be called again. */
  stop(): void {
    if (this.state !== 'serving') return;
    this.state = 'stopping';
    const drain = () => {
      this.state = 'draining';
      this.endWhenIdle();
    };
    if (this.limits.graceMs > 0) setTimeout(drain, this.limits.graceMs);
    else drain();
  }

  /** Whether this server itself lets the process end. */
  get isEnding(): boolean {
    return this.state === 'draining' && this.open.size === 0;
  }

  /** Answers all calls that have no answer yet, when the process is about to end. @returns how many calls were open. */
  failOpenCalls(text: string): number {
    const count = this.open.size;
    for (const response of this.open) {
      if (response.headersSent) response.destroy();
      else reply(response, 500, text, { [internalHeader]: 'of-watchdog' });
    }
    return count;
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const { maxInFlight } = this.limits;
    const isFull = maxInFlight > 0 && this.open.size >= maxInFlight;
    if (request.url === '/_/health' || request.url === '/_/ready') {
      if (request.method !== 'GET') reply(response, 405, 'Method not allowed');
      else if (this.state !== 'serving') reply(response, 503, 'Stopping');
      else if (request.url === '/_/ready') reply(response, isFull ? 429 : 200, '');
      else reply(response, 200, 'OK');
    } else if (isFull) {
      const text = `Concurrent request limit exceeded. Max concurrent requests: ${maxInFlight}`;
      reply(response, 429, text, { [internalHeader]: 'faas-middleware' });
    } else {
      this.open.add(response);
      response.once('close', () => {
        this.open.delete(response);
        this.endWhenIdle();
      });
      this.answer(request, response);
    }
  }

  private endWhenIdle(): void {
    if (this.isEnding) process.exit(0);
  }
}

/** Answers with a plain text, and forgets headers that were set before. */
export function reply(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  for (const name of response.getHeaderNames()) {
    if (name !== 'x-duration-seconds') response.removeHeader(name);
  }
  const body = Buffer.from(text);
  response.statusMessage = '';
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
    ...headers,
  });
  response.end(body);
}

/** The value of X-Duration-Seconds. `startedAt` is a time of `performance.now()`. */
export function durationSeconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(6);
}
