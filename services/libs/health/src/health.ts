import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeError } from '@wherry/logging';
import { z } from 'zod';
import { addProcessMetrics } from './adapters/process-metrics';
import type { Check } from './checks';
import type { Metrics } from './metrics';

/** To be spread into the schema of a process's environment. */
export const healthEnvironment = {
  /** Where `/healthz`, `/readyz` and `/metrics` are answered; nothing listens when it is not set. */
  WHERRY_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  WHERRY_HEALTH_HOST: z.string().min(1).default('0.0.0.0'),
};

export type HealthOptions = Readonly<{
  /** 0 for any; undefined for none. */
  port: number | undefined;
  host: string;
  metrics: Metrics;
  /** How long a check may take, in milliseconds. Below the second that a kubelet waits by default. */
  checkMs?: number;
}>;

/** Kubelets and Prometheus, and nobody else. */
const mostConnections = 50;
const requestTimeoutMs = 5_000;

/** Says of one process whether it lives, whether it can serve, and what it counts. */
export class Health {
  private readonly checks = new Map<string, Check>();
  private phase: 'starting' | 'serving' | 'stopping' = 'starting';
  private server: Server | null = null;

  private constructor(private readonly options: HealthOptions) {
    addProcessMetrics(options.metrics);
  }

  /** Listens, if it is to: first thing in a process, so that a slow start can be told from a dead one. */
  static async start(options: HealthOptions): Promise<Health> {
    const health = new Health(options);
    if (options.port !== undefined) await health.listen(options.port);
    return health;
  }

  /** The port in use; null when nothing listens. */
  get port(): number | null {
    return this.server === null ? null : (this.server.address() as AddressInfo).port;
  }

  /** From now on it can only serve while this check passes. */
  check(name: string, check: Check): void {
    this.checks.set(name, check);
  }

  /** The start is over: from now on the checks decide. */
  started(): void {
    this.phase = 'serving';
  }

  /** It ends soon: no new work should come here, though what comes is still done. */
  stopping(): void {
    this.phase = 'stopping';
  }

  async close(): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  private async listen(port: number): Promise<void> {
    const server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs }, (req, res) => {
      void this.answer(req, res);
    });
    server.maxConnections = mostConnections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, this.options.host, resolve);
    });
    this.server = server;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', 'Use GET.\n');
    if (path === '/healthz') return send(response, 200, 'text/plain', 'OK\n');
    if (path === '/metrics') {
      return send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', await this.options.metrics.render());
    }
    if (path !== '/readyz') return send(response, 404, 'text/plain', 'There are /healthz, /readyz and /metrics.\n');
    const notReady = await this.notReady();
    const body = JSON.stringify({ ready: notReady.length === 0, notReady });
    return send(response, notReady.length === 0 ? 200 : 503, 'application/json', `${body}\n`);
  }

  private async notReady(): Promise<{ check: string; detail: string }[]> {
    if (this.phase !== 'serving') return [{ check: 'process', detail: `It is ${this.phase}.` }];
    const results = [...this.checks].map(async ([check, ask]) => ({ check, detail: await this.ask(ask) }));
    return (await Promise.all(results)).flatMap(({ check, detail }) => (detail === null ? [] : [{ check, detail }]));
  }

  private async ask(check: Check): Promise<string | null> {
    const { checkMs = 800 } = this.options;
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve(`There was no answer within ${checkMs} ms.`), checkMs);
    try {
      return await Promise.race([Promise.resolve().then(check), late]);
    } catch (error) {
      return `The check failed: ${describeError(error)}`;
    } finally {
      clearTimeout(timer);
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
