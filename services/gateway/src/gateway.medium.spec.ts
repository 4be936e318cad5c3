import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { signProbe } from '@wherry/contract';
import { Database, Listener } from '@wherry/db';
import type { LogFields } from '@wherry/logging';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, until, World } from '../test/adapters/world';
import { Gateway, type GatewayOptions } from './gateway';

const mib = 1_048_576;
const limits = { bodyBytes: mib, ratePerSecond: 10_000, concurrency: 100, parkedCalls: 3, parkMs: 600 };

let world: World;
let database: Database;
let gateway: Gateway;
let port: number;
let logged: LogFields[];
let isStopped: boolean;

async function start(changes: Partial<GatewayOptions> = {}): Promise<void> {
  const options: GatewayOptions = {
    gatewayId: 'gw1',
    host: '127.0.0.1',
    port: 0,
    appsDomain: 'localhost',
    journalDirectory: join(world.folder, 'journal'),
    probeKey: 'probe key',
    databaseUrl: world.database.url('wherry_gateway'),
    limits,
    ...changes,
  };
  isStopped = false;
  const ports = {
    database,
    clock: { nowMs: () => performance.timeOrigin + performance.now(), elapsedMs: () => performance.now() },
    log: { write: (fields: LogFields) => void logged.push(fields) },
    newCallId: () => randomUUID(),
    epoch: randomUUID().replaceAll('-', ''),
  };
  const started = await Gateway.start(options, ports);
  gateway = started.gateway;
  port = started.address.port;
}

async function stop(): Promise<void> {
  if (!isStopped) await gateway.stop(5_000);
  isStopped = true;
}

beforeEach(async () => {
  logged = [];
  world = await World.create();
  database = await Database.open({ url: world.database.url('wherry_gateway'), applicationName: 'gateway' });
});

afterEach(async () => {
  await stop();
  await database.close();
  await world.close();
});

type ReceiptRow = Record<string, string | number | boolean>;
async function receiptsOf(callId: string): Promise<ReceiptRow[]> {
  const found = await world.owner.query('select * from receipts where call_id = $1', [callId]);
  return found.rows as ReceiptRow[];
}

describe('calling a function', () => {
  it('passes method, raw path, query, headers and body on, and the reply back', async () => {
    await world.live('acme', 'echo', (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        res.writeHead(201, 'Made', { 'x-mine': 'yes', 'set-cookie': ['a=1', 'wherry_session=stolen', 'b=2'] });
        const { method, url, headers } = req;
        res.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
      });
    });
    await start();
    const reply = await call(port, {
      method: 'PUT',
      host: `acme.localhost:${port}`,
      path: '/echo/a%2Fb/..?q=%20',
      headers: {
        'x-call-id': 'mine-1',
        cookie: 'a=1; wherry_session=secret; b=2',
        'x-wherry-revision': 'spoofed',
        'x-start-time': 'spoofed',
        te: 'trailers',
      },
      body: 'hello',
    });
    const seen = JSON.parse(reply.body) as { headers: Record<string, string> } & Record<string, unknown>;
    expect(seen).toMatchObject({ method: 'PUT', url: '/a%2Fb/..?q=%20', body: 'hello' });
    expect(seen.headers).toMatchObject({
      'x-call-id': 'mine-1',
      cookie: 'a=1; b=2',
      'x-forwarded-host': `acme.localhost:${port}`,
      'x-forwarded-proto': 'http',
    });
    expect(seen.headers['x-forwarded-for']).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(seen.headers['x-start-time']).toMatch(/^\d{19}$/);
    expect(seen.headers).not.toHaveProperty('x-wherry-revision');
    expect(seen.headers).not.toHaveProperty('te');
    expect(reply).toMatchObject({ status: 201, headers: { 'x-mine': 'yes', 'x-call-id': 'mine-1' } });
    expect(reply.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(reply.headers['x-start-time']).toBe(seen.headers['x-start-time']);
    expect(reply.headers['x-duration-seconds']).toMatch(/^\d+\.\d{6}$/);
  });

  it('reaches the same function by the tenant host, without a slash, and by name on its own host', async () => {
    await world.live('acme', 'where', (req, res) => res.end(req.url));
    await start();
    const at = async (host: string, path: string) => (await call(port, { host, path })).body;
    expect(await at('acme.localhost', '/where')).toBe('/');
    expect(await at('acme.localhost', '/where/x')).toBe('/x');
    expect(await at('127.0.0.1', '/function/where.acme?y')).toBe('/?y');
  });

  it('gives the function index what names no function, and says what to do when there is none', async () => {
    await world.live('acme', 'index', (req, res) => res.end(`index ${req.url}`));
    await world.live('other', 'hello', (_req, res) => res.end());
    await start();
    expect((await call(port, { host: 'acme.localhost', path: '//a/%2e%2e' })).body).toBe('index //a/%2e%2e');
    const missing = await call(port, { host: 'other.localhost', path: '/nothing' });
    expect(missing).toMatchObject({ status: 404, headers: { 'x-openfaas-internal': 'gateway' } });
    expect(missing.body).toContain('"nothing"');
    expect(await call(port, { host: 'nobody.localhost', path: '/' })).toMatchObject({ status: 404 });
    expect(await call(port, { host: '127.0.0.1', path: '/healthz' })).toMatchObject({ status: 200 });
    expect(await call(port, { method: 'PROPFIND', host: 'acme.localhost', path: '/' })).toMatchObject({ status: 405 });
  });

  it('lets each chunk through as it comes, both ways', async () => {
    await world.live('acme', 'pipe', (req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      req.pipe(res);
    });
    await start();
    const req = request({ port, method: 'POST', path: '/pipe', headers: { host: 'acme.localhost' } });
    req.write('zero');
    const [res] = await once(req, 'response');
    expect(String((await once(res, 'data'))[0])).toBe('zero');
    for (const text of ['one', 'two', 'three']) {
      req.write(text);
      const [chunk] = await once(res, 'data');
      expect(String(chunk)).toBe(text);
    }
    req.end();
    await once(res, 'end');
  });

  it('holds a function back whose caller does not read', async () => {
    let written = 0;
    let stalled: (() => void) | undefined;
    const isStalled = new Promise<void>((resolve) => (stalled = resolve));
    await world.live('acme', 'flood', (_req, res) => {
      const chunk = Buffer.alloc(65_536);
      const write = (): void => {
        while (written < 64 * mib) {
          written += chunk.length;
          if (!res.write(chunk)) {
            const timer = setTimeout(() => stalled?.(), 300);
            res.once('drain', () => {
              clearTimeout(timer);
              write();
            });
            return;
          }
        }
        res.end();
      };
      write();
    });
    await start();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /flood HTTP/1.1\r\nHost: acme.localhost\r\n\r\n');
    socket.pause();
    await isStalled;
    expect(written).toBeLessThan(32 * mib);
    socket.destroy();
  });

  it('passes a WebSocket through both ways, and meters it when it ends', async () => {
    const { replica } = await world.live('acme', 'socket', (_req, res) => res.end());
    replica.server.on('upgrade', (req, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-path: ${req.url}\r\n\r\n`,
      );
      socket.on('data', (data: Buffer) => socket.write(`<${String(data)}>`));
      socket.on('end', () => socket.end());
    });
    await start();
    const headers = { host: 'acme.localhost', connection: 'Upgrade', upgrade: 'websocket', 'x-call-id': 'ws-1' };
    const req = request({ port, path: '/socket/x', headers });
    req.end();
    const [res, socket] = await once(req, 'upgrade');
    expect(res.headers).toMatchObject({ 'x-path': '/x', 'x-call-id': 'ws-1' });
    socket.write('hi');
    expect(String((await once(socket, 'data'))[0])).toBe('<hi>');
    socket.end();
    await once(socket, 'close');
    await stop();
    expect(await receiptsOf('ws-1')).toMatchObject([{ status: 101, outcome: 'complete', response_bytes: '4' }]);
  });

  it('answers a refused upgrade like any other reply', async () => {
    const { replica } = await world.live('acme', 'socket', (_req, res) => res.end());
    replica.server.on('upgrade', (_req, socket) => {
      socket.end('HTTP/1.1 401 No\r\ncontent-length: 4\r\nconnection: close\r\n\r\nno!\n');
    });
    await start();
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    expect(await call(port, { host: 'acme.localhost', path: '/socket', headers })).toMatchObject({
      status: 401,
      body: 'no!\n',
    });
    expect(await call(port, { host: 'acme.localhost', path: '/none', headers })).toMatchObject({ status: 404 });
  });
});

describe('failures', () => {
  it('answers 413 to a body over the limit, told or found out', async () => {
    await world.live('acme', 'eat', (req, res) => {
      req.resume().on('end', () => res.end('eaten'));
    });
    await start();
    const body = Buffer.alloc(mib + 1);
    const target = { method: 'POST', host: 'acme.localhost', path: '/eat' };
    expect(await call(port, { ...target, body })).toMatchObject({ status: 413 });
    const chunked = { 'transfer-encoding': 'chunked' };
    expect(await call(port, { ...target, body, headers: chunked })).toMatchObject({ status: 413 });
    const exact = await call(port, { ...target, body: body.subarray(1), headers: chunked });
    expect(exact).toMatchObject({ status: 200, body: 'eaten' });
  });

  it('asks a caller that waits for 100-continue only when the function takes its body', async () => {
    await world.live('acme', 'eat', (req, res) => {
      req.resume().on('end', () => res.end('eaten'));
    });
    await start();
    const ask = (length: number) =>
      request({
        ...{ port, method: 'POST', path: '/eat' },
        headers: { host: 'acme.localhost', expect: '100-continue', 'content-length': length },
      });
    const fine = ask(2);
    fine.flushHeaders();
    await once(fine, 'continue');
    fine.end('ab');
    expect((await once(fine, 'response'))[0].statusCode).toBe(200);
    const large = ask(2 * mib);
    large.flushHeaders();
    expect((await once(large, 'response'))[0].statusCode).toBe(413);
    large.destroy();
  });

  it('answers 502 when the function dies, 504 when it is too slow, and cuts what had begun', async () => {
    await world.live('acme', 'dies', (req) => req.socket.destroy());
    await world.live('acme', 'slow', () => undefined, { timeoutMs: 100 });
    await world.live('acme', 'half', (req, res) => {
      res.writeHead(200, { 'content-length': 10 });
      res.write('half', () => req.socket.destroy());
    });
    await start();
    const host = 'acme.localhost';
    const internal = { 'x-openfaas-internal': 'gateway' };
    expect(await call(port, { host, path: '/dies' })).toMatchObject({ status: 502, headers: internal });
    expect(await call(port, { host, path: '/slow' })).toMatchObject({ status: 504, headers: internal });
    await expect(call(port, { host, path: '/half' })).rejects.toThrow(/aborted|hang up/);
  });

  it('ends the call at the function when its caller leaves, and notes it as aborted', async () => {
    let begun: (() => void) | undefined;
    let ended: (() => void) | undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const hasEnded = new Promise<void>((resolve) => (ended = resolve));
    await world.live('acme', 'long', (req) => {
      begun?.();
      req.socket.on('close', () => ended?.());
    });
    await start();
    const req = request({ port, path: '/long', headers: { host: 'acme.localhost', 'x-call-id': 'left' } });
    req.on('error', () => undefined).end();
    await hasBegun;
    req.destroy();
    await hasEnded;
    await stop();
    expect(await receiptsOf('left')).toMatchObject([{ status: 499, outcome: 'aborted', billed: true }]);
  });

  it('refuses with 429 what is over the limits of one function', async () => {
    let begun: (() => void) | undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    await world.live('acme', 'busy', () => begun?.());
    await world.live('acme', 'often', (_req, res) => res.end());
    await start({ limits: { ...limits, concurrency: 1, ratePerSecond: 2 } });
    const host = 'acme.localhost';
    const first = request({ port, path: '/busy', headers: { host } });
    first.on('error', () => undefined).end();
    await hasBegun;
    const tooMany = { status: 429, headers: { 'retry-after': '1' } };
    expect(await call(port, { host, path: '/busy' })).toMatchObject(tooMany);
    first.destroy();
    const statuses: number[] = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await call(port, { host, path: '/often' })).status);
    expect(statuses).toContain(429);
    expect(statuses[0]).toBe(200);
  });
});

describe('sleeping functions', () => {
  it('parks calls, asks for one replica, and forwards all of them when it is ready', async () => {
    const made = await world.live('acme', 'asleep');
    await start({ limits: { ...limits, parkMs: 10_000 } });
    const wakes: string[] = [];
    const listener = new Listener({
      url: world.database.url('wherry_controller'),
      channels: ['wherry_wake'],
      onReady: () => undefined,
      onNotification: (_channel, payload) => {
        wakes.push(payload);
        if (wakes.length !== 2) return;
        void world.replica(made.tenantId, made.revisionId, (req, res) => req.pipe(res));
      },
    });
    await listener.start();
    const bodies = ['one', 'two', 'three'];
    const target = { method: 'POST', host: 'acme.localhost', path: '/asleep' };
    const replies = await Promise.all(bodies.map((body) => call(port, { ...target, body })));
    expect(replies.map((reply) => [reply.status, reply.body])).toEqual(bodies.map((body) => [200, body]));
    expect(new Set(wakes)).toEqual(new Set([`${made.tenantId}/${made.revisionId}`]));
    expect(wakes.length).toBeLessThan(4);
    await listener.stop();
  });

  it('answers 503 with Retry-After past the bound and past the time', async () => {
    await world.live('acme', 'never');
    await start();
    const target = { host: 'acme.localhost', path: '/never' };
    const replies = await Promise.all([1, 2, 3, 4, 5].map(() => call(port, target)));
    expect(replies.map((reply) => reply.status)).toEqual([503, 503, 503, 503, 503]);
    expect(replies.map((reply) => reply.headers['retry-after']).sort()).toEqual(['10', '10', '10', '5', '5']);
  });

  it('says that a function crashes', async () => {
    const made = await world.live('acme', 'broken');
    await world.owner.query(
      `insert into replicas (tenant_id, id, revision_id, state, reason) values ($1, 'rpl_1', $2, 'crashed', 'secret output')`,
      [made.tenantId, made.revisionId],
    );
    await start();
    const reply = await call(port, { host: 'acme.localhost', path: '/broken' });
    expect(reply).toMatchObject({ status: 503, headers: { 'retry-after': '30' } });
    expect(reply.body).toContain('crashes');
    expect(reply.body).not.toContain('secret output');
  });

  it('sends a call elsewhere, whole, when a replica takes no connection', async () => {
    const made = await world.live('acme', 'moved', (req, res) => req.pipe(res));
    await world.ready(made.tenantId, made.revisionId, { replicaId: 'rpl_0', socket: join(world.folder, 'gone.sock') });
    await start();
    const target = { method: 'POST', host: 'acme.localhost', path: '/moved', body: 'kept' };
    const replies = await Promise.all([1, 2, 3, 4].map(() => call(port, target)));
    expect(replies.map(({ status, body }) => ({ status, body }))).toEqual(
      replies.map(() => ({ status: 200, body: 'kept' })),
    );
  });

  it('answers no call with a failure while the only replica is drained, stopped and replaced under load', async () => {
    const made = await world.live('acme', 'rolling', (_req, res) => res.end('one'));
    await start({ limits: { ...limits, parkMs: 10_000 } });
    let isOver = false;
    const statuses: number[] = [];
    const load = Array.from({ length: 3 }, async () => {
      while (!isOver) statuses.push((await call(port, { host: 'acme.localhost', path: '/rolling' })).status);
    });
    await until('the load runs', () => statuses.length > 20);
    const version = await world.drain(made.tenantId, made.replica.replicaId);
    await until('the drain is acknowledged', async () => (await world.acknowledged('gw1')) >= version);
    made.replica.server.closeIdleConnections();
    await new Promise((resolve) => made.replica.server.close(resolve));
    await world.replica(made.tenantId, made.revisionId, (_req, res) => res.end('two'));
    const before = statuses.length;
    await until('the load goes on', () => statuses.length > before + 20);
    isOver = true;
    await Promise.all(load);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe('the truth probe', () => {
  const probeOf = (path: string, sentAtMs = performance.timeOrigin + performance.now(), key = 'probe key') => ({
    'x-wherry-probe': signProbe({ key, sentAtMs: Math.round(sentAtMs), nonce: 'n1', host: 'acme.localhost', path }),
  });

  it('names the revision that answered its health check, and is not metered', async () => {
    const paths: string[] = [];
    const { revisionId } = await world.live('acme', 'hello', (req, res) => {
      paths.push(req.url ?? '');
      res.end('body');
    });
    await start();
    const path = '/hello/?x';
    const headers = { ...probeOf(path), 'x-call-id': 'probe' };
    const reply = await call(port, { host: 'acme.localhost', path, headers });
    expect(reply).toMatchObject({ status: 200, body: '', headers: { 'x-wherry-revision': revisionId } });
    expect(paths).toEqual(['/_/health']);
    await stop();
    expect(await receiptsOf('probe')).toEqual([]);
  });

  it('refuses a probe that is old, for another path, or signed with another key', async () => {
    let calls = 0;
    await world.live('acme', 'hello', (_req, res) => {
      calls += 1;
      res.end();
    });
    await start();
    const old = probeOf('/hello', performance.timeOrigin + performance.now() - 31_000);
    for (const headers of [old, probeOf('/other'), probeOf('/hello', undefined, 'guess'), { 'x-wherry-probe': 'x' }]) {
      expect(await call(port, { host: 'acme.localhost', path: '/hello', headers })).toMatchObject({ status: 403 });
    }
    expect(calls).toBe(0);
  });
});

describe('following routes', () => {
  it('serves a moved route, drops a removed one, and acknowledges each version after that', async () => {
    const made = await world.live('acme', 'hello', (_req, res) => res.end('one'));
    await start();
    const ask = async () => {
      const reply = await call(port, { host: 'acme.localhost', path: '/hello' });
      return reply.status === 200 ? reply.body : reply.status;
    };
    expect(await ask()).toBe('one');
    const second = await world.revision(made);
    await world.replica(made.tenantId, second, (_req, res) => res.end('two'));
    const moved = await world.route(made, second);
    await until('the move is acknowledged', async () => (await world.acknowledged('gw1')) >= moved);
    expect(await ask()).toBe('two');
    const removed = await world.unroute(made);
    await until('the removal is acknowledged', async () => (await world.acknowledged('gw1')) >= removed);
    expect(await ask()).toBe(404);
  });

  it('reads everything again after its listening connection was cut, and serves meanwhile', async () => {
    const made = await world.live('acme', 'hello', (_req, res) => res.end('one'));
    await start();
    const second = await world.revision(made);
    await world.replica(made.tenantId, second, (_req, res) => res.end('two'));
    await world.owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'wherry_gateway' and datname = current_database()`,
    );
    expect((await call(port, { host: 'acme.localhost', path: '/hello' })).status).toBe(200);
    const version = await world.route(made, second);
    await until('the version is acknowledged', async () => (await world.acknowledged('gw1')) >= version);
    expect((await call(port, { host: 'acme.localhost', path: '/hello' })).body).toBe('two');
  });
});

describe('metering', () => {
  it('stores one receipt for each reply, and adds them up by function and hour', async () => {
    const made = await world.live('acme', 'count', (req, res) => {
      res.statusCode = req.url === '/fail' ? 500 : 200;
      res.end('12345');
    });
    await start();
    const paths = ['/count', '/count/fail', '/count', '/count/a', '/none'];
    const ids = await Promise.all(
      paths.map(async (path) => (await call(port, { host: 'acme.localhost', path })).headers['x-call-id']),
    );
    await stop();
    const { rows } = await world.owner.query('select * from receipts order by index');
    expect(rows.map((row) => row.call_id).sort()).toEqual(ids.slice(0, 4).sort());
    expect(rows[0]).toMatchObject({
      tenant_id: made.tenantId,
      function_id: made.functionId,
      revision_id: made.revisionId,
      replica_id: made.replica.replicaId,
      memory_mib: 128,
      response_bytes: '5',
      billed: true,
    });
    const usage = await world.owner.query('select * from usage_hourly');
    const durationMs = rows.reduce((sum, row) => sum + (row.duration_ms as number), 0);
    expect(usage.rows).toMatchObject([
      {
        invocations: '4',
        errors: '1',
        duration_ms: `${durationMs}`,
        mib_ms: `${128 * durationMs}`,
        response_bytes: '20',
      },
    ]);
  });

  it('tells when a revision was used, and that nothing is in flight at the end', async () => {
    const made = await world.live('acme', 'hello', (_req, res) => res.end());
    await start();
    await call(port, { host: 'acme.localhost', path: '/hello' });
    await until('the use is told', async () => {
      const { rows } = await world.owner.query('select * from activity where revision_id = $1', [made.revisionId]);
      return rows.length === 1;
    });
    await stop();
    const { rows } = await world.owner.query('select * from activity');
    expect(rows).toMatchObject([{ gateway_id: 'gw1', in_flight: 0 }]);
  });
});

describe('stopping', () => {
  it('ends the calls in flight whole, takes no new ones, and removes its row', async () => {
    let finish: (() => void) | undefined;
    let begun: (() => void) | undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    await world.live('acme', 'slow', (_req, res) => {
      res.write('first ');
      finish = () => res.end('last');
      begun?.();
    });
    await start();
    const reply = call(port, { host: 'acme.localhost', path: '/slow' });
    await hasBegun;
    const stopped = stop();
    await until('new connections are refused', () =>
      call(port, { host: 'acme.localhost', path: '/slow' }).then(
        () => false,
        () => true,
      ),
    );
    finish?.();
    expect((await reply).body).toBe('first last');
    await stopped;
    expect(await world.acknowledged('gw1')).toBe(-1);
    expect(await receiptsOf((await reply).headers['x-call-id'] as string)).toMatchObject([{ outcome: 'complete' }]);
  });
});
