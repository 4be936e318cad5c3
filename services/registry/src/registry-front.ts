import { Agent, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Server } from 'node:http';
import { pipeline } from 'node:stream';
import { describeError, type Log } from '@wherry/logging';
import { createWebServer, listen, type Listening, type Tls } from './web-server';
import { retryAfterSeconds, type WriteGate } from './write-gate';

export type RegistryFrontOptions = Readonly<{
  host: string;
  /** 0 for any. */
  port: number;
  /** The unix socket that the registry listens on: nobody comes to it but through here. */
  socketFile: string;
  tls: Tls | null;
}>;

const mostConnections = 2_000;
/** A registry that is silent for so long in the middle of a request has hung. */
const silenceMs = 10 * 60_000;
const reading = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Of one connection (RFC 9110 section 7.6.1), or what a registry would build addresses from. */
const notPassedOn = [
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'expect', 'forwarded', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-for'],
];

/**
 * The registry's address. It passes everything on, in both directions and without keeping any of it. Writes wait while
 * blobs are collected, and get 503 when that takes too long; so does everything while the registry is being started.
 */
export class RegistryFront {
  private readonly agent = new Agent({ keepAlive: true, maxFreeSockets: 32 });

  private constructor(
    private readonly options: RegistryFrontOptions,
    private readonly on: Readonly<{ gate: WriteGate; log: Log }>,
  ) {}

  static async start(
    options: RegistryFrontOptions,
    on: Readonly<{ gate: WriteGate; log: Log }>,
  ): Promise<Listening & { server: Server }> {
    const front = new RegistryFront(options, on);
    // A layer may take longer than any fixed time to arrive.
    const server = createWebServer(options.tls, { requestTimeout: 0 }, (req, res) => void front.handle(req, res));
    server.maxConnections = mostConnections;
    server.once('close', () => front.agent.destroy());
    return await listen(server, options);
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (reading.has(incoming.method ?? '')) return this.pass(incoming, response);
    // Nothing of it is read while it waits, so that a layer waits at its client.
    const leave = await this.on.gate.admit(() => incoming.destroy());
    if (leave === null) return unavailable(response, 'Unused images are being removed: try again in a moment.');
    if (response.destroyed) return leave();
    response.once('close', leave);
    this.pass(incoming, response);
  }

  private pass(incoming: IncomingMessage, response: ServerResponse): void {
    const { socketFile: socketPath, tls } = this.options;
    const headers = { ...passedOn(incoming.headers), 'x-forwarded-proto': tls === null ? 'http' : 'https' };
    const { method = 'GET', url: path = '/' } = incoming;
    const outgoing = request({ socketPath, method, path, headers, agent: this.agent, timeout: silenceMs }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers));
      pipeline(answer, response, () => undefined);
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('The registry fell silent.')));
    outgoing.once('error', (error) => {
      if (response.destroyed) return;
      this.on.log.write({ op: 'registry.pass', ok: false, status: 503, message: describeError(error) });
      if (response.headersSent) response.destroy();
      else unavailable(response, 'The registry is being started: try again in a moment.');
    });
    response.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}

function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !notPassedOn.includes(name)));
}

function unavailable(response: ServerResponse, message: string): void {
  // What is still being sent is not read; the connection cannot be used again.
  const headers = { 'content-type': 'application/json', 'retry-after': String(retryAfterSeconds), connection: 'close' };
  response.writeHead(503, headers).end(JSON.stringify({ errors: [{ code: 'UNAVAILABLE', message }] }));
}
