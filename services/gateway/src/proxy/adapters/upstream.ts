import { type ClientRequest, request } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import type { ReadyReplica } from '../../routing/route-table';
import { connectMs, type Upstream } from '../upstream';

/** More connections than a process of a function can use; calls beyond wait inside the pool. */
const connections = 1_024;

/** A replica behind pooled connections over its unix socket or TCP address. */
export class PooledUpstream implements Upstream {
  inFlight = 0;
  refusedUntilMs = 0;
  private readonly pool: Pool;

  constructor(readonly replica: ReadyReplica) {
    const { endpoint } = replica;
    // Time limits are the call's own: they cover all of it, not one silence.
    const options = {
      ...{ connections, headersTimeout: 0, bodyTimeout: 0, pipelining: 1, allowH2: false },
      connectTimeout: connectMs,
    };
    this.pool =
      endpoint.kind === 'unix'
        ? new Pool('http://function', { ...options, socketPath: endpoint.path })
        : new Pool(
            `http://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`,
            options,
          );
    // Failures reach the calls that they concern; unheard, the pool's own event would end the process.
    this.pool.on('connectionError', () => undefined);
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.pool.dispatch(options, handler);
  }

  upgrade(path: string, headers: readonly string[]): ClientRequest {
    const { endpoint } = this.replica;
    const address =
      endpoint.kind === 'unix' ? { socketPath: endpoint.path } : { host: endpoint.host, port: endpoint.port };
    const asked = request({ ...address, path, method: 'GET', headers, setHost: false, agent: false });
    const late = Object.assign(new Error('The replica takes no connection.'), { code: 'ETIMEDOUT' });
    const timer = setTimeout(() => asked.destroy(late), connectMs);
    const stop = (): void => clearTimeout(timer);
    asked.once('close', stop).once('socket', (socket) => socket.once('connect', stop));
    return asked;
  }

  close(): void {
    this.pool.close().catch(() => undefined);
  }
}
