import { join } from 'node:path';
import { signProbe } from '@wherry/contract';
import { Listener } from '@wherry/db';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunningGateway, testLimits } from '../test/adapters/running-gateway';
import { until, type World } from '../test/adapters/world';
import { tickMs } from './proxy/function-calls';

let gateway: RunningGateway;
let world: World;

beforeEach(async () => {
  gateway = await RunningGateway.create();
  world = gateway.world;
});
afterEach(() => gateway.close());

describe('sleeping functions', () => {
  it('parks calls, asks for one replica, and forwards all of them when it is ready', async () => {
    const made = await world.live('acme', 'asleep');
    await gateway.start({ limits: { ...testLimits, parkMs: 10_000 } });
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
    const askedAt = performance.now();
    const replies = await Promise.all(bodies.map((body) => gateway.call({ ...target, body })));
    expect(replies.map((reply) => [reply.status, reply.body])).toEqual(bodies.map((body) => [200, body]));
    expect(new Set(wakes)).toEqual(new Set([`${made.tenantId}/${made.revisionId}`]));
    // One asks for all of them: once at first, and then with each tick.
    expect(wakes.length).toBeLessThanOrEqual(1 + (performance.now() - askedAt) / tickMs);
    await listener.stop();
  });

  it('answers 503 with Retry-After past the bound and past the time', async () => {
    await world.live('acme', 'never');
    // All five are there long before the time of the first is over.
    await gateway.start({ limits: { ...testLimits, parkMs: 3_000 } });
    const target = { host: 'acme.localhost', path: '/never' };
    const replies = await Promise.all([1, 2, 3, 4, 5].map(() => gateway.call(target)));
    expect(replies.map((reply) => reply.status)).toEqual([503, 503, 503, 503, 503]);
    expect(replies.map((reply) => reply.headers['retry-after']).sort()).toEqual(['10', '10', '10', '5', '5']);
  });

  it('says that a function crashes', async () => {
    const made = await world.live('acme', 'broken');
    await world.owner.query(
      `insert into replicas (tenant_id, id, revision_id, state, reason) values ($1, 'rpl_1', $2, 'crashed', 'secret output')`,
      [made.tenantId, made.revisionId],
    );
    await gateway.start();
    const reply = await gateway.call({ host: 'acme.localhost', path: '/broken' });
    expect(reply).toMatchObject({ status: 503, headers: { 'retry-after': '30' } });
    expect(reply.body).toContain('crashes');
    expect(reply.body).not.toContain('secret output');
  });

  it('stops serving a suspended tenant, and serves it again, without waiting for the next full read', async () => {
    await world.live('acme', 'paid', (_req, res) => res.end('served'));
    await gateway.start();
    const status = async () => (await gateway.call({ host: 'acme.localhost', path: '/paid' })).status;
    expect(await status()).toBe(200);
    await world.owner.query(`update tenants set suspended_at = now()`);
    await until('the tenant is not served', async () => (await status()) === 404);
    await world.owner.query(`update tenants set suspended_at = null`);
    await until('the tenant is served again', async () => (await status()) === 200);
  });

  it('sends a call elsewhere, whole, when a replica takes no connection', async () => {
    const made = await world.live('acme', 'moved', (req, res) => req.pipe(res));
    await world.ready(made.tenantId, made.revisionId, { replicaId: 'rpl_0', socket: join(world.folder, 'gone.sock') });
    await gateway.start();
    const target = { method: 'POST', host: 'acme.localhost', path: '/moved', body: 'kept' };
    const replies = await Promise.all([1, 2, 3, 4].map(() => gateway.call(target)));
    expect(replies.map(({ status, body }) => ({ status, body }))).toEqual(
      replies.map(() => ({ status: 200, body: 'kept' })),
    );
  });

  it('answers no call with a failure while the only replica is drained, stopped and replaced under load', async () => {
    const made = await world.live('acme', 'rolling', (_req, res) => res.end('one'));
    await gateway.start({ limits: { ...testLimits, parkMs: 10_000 } });
    let isOver = false;
    const statuses: number[] = [];
    const load = Array.from({ length: 3 }, async () => {
      while (!isOver) statuses.push((await gateway.call({ host: 'acme.localhost', path: '/rolling' })).status);
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
    await gateway.start();
    const path = '/hello/?x';
    const headers = { ...probeOf(path), 'x-call-id': 'probe' };
    const reply = await gateway.call({ host: 'acme.localhost', path, headers });
    expect(reply).toMatchObject({ status: 200, body: '', headers: { 'x-wherry-revision': revisionId } });
    expect(paths).toEqual(['/_/health']);
    await gateway.stop();
    expect(await gateway.receiptsOf('probe')).toEqual([]);
  });

  it('refuses a probe that is old, for another path, or signed with another key', async () => {
    let calls = 0;
    await world.live('acme', 'hello', (_req, res) => {
      calls += 1;
      res.end();
    });
    await gateway.start();
    const old = probeOf('/hello', performance.timeOrigin + performance.now() - 31_000);
    for (const headers of [old, probeOf('/other'), probeOf('/hello', undefined, 'guess'), { 'x-wherry-probe': 'x' }]) {
      expect(await gateway.call({ host: 'acme.localhost', path: '/hello', headers })).toMatchObject({ status: 403 });
    }
    expect(calls).toBe(0);
  });
});

describe('following routes', () => {
  it('serves a moved route, drops a removed one, and acknowledges each version after that', async () => {
    const made = await world.live('acme', 'hello', (_req, res) => res.end('one'));
    await gateway.start();
    const ask = async () => {
      const reply = await gateway.call({ host: 'acme.localhost', path: '/hello' });
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
    await gateway.start();
    const second = await world.revision(made);
    await world.replica(made.tenantId, second, (_req, res) => res.end('two'));
    await world.owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'wherry_gateway' and datname = current_database()`,
    );
    expect((await gateway.call({ host: 'acme.localhost', path: '/hello' })).status).toBe(200);
    const version = await world.route(made, second);
    await until('the version is acknowledged', async () => (await world.acknowledged('gw1')) >= version);
    expect((await gateway.call({ host: 'acme.localhost', path: '/hello' })).body).toBe('two');
  });
});

describe('metering', () => {
  it('stores one receipt for each reply, and adds them up by function and hour', async () => {
    const made = await world.live('acme', 'count', (req, res) => {
      res.statusCode = req.url === '/fail' ? 500 : 200;
      res.end('12345');
    });
    await gateway.start();
    const paths = ['/count', '/count/fail', '/count', '/count/a', '/none'];
    const ids = await Promise.all(
      paths.map(async (path) => (await gateway.call({ host: 'acme.localhost', path })).headers['x-call-id']),
    );
    await gateway.stop();
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
    // One row, unless an hour ended meanwhile.
    const usage = await world.owner.query(
      `select function_id, sum(invocations)::text as invocations, sum(errors)::text as errors, sum(mib_ms)::text as mib_ms,
         sum(duration_ms)::text as duration_ms, sum(response_bytes)::text as response_bytes
       from usage_hourly group by function_id`,
    );
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
    await gateway.start();
    await gateway.call({ host: 'acme.localhost', path: '/hello' });
    await until('the use is told', async () => {
      const { rows } = await world.owner.query('select * from activity where revision_id = $1', [made.revisionId]);
      return rows.length === 1;
    });
    await gateway.stop();
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
    await gateway.start();
    const reply = gateway.call({ host: 'acme.localhost', path: '/slow' });
    await hasBegun;
    const stopped = gateway.stop();
    await until('new connections are refused', () =>
      gateway.call({ host: 'acme.localhost', path: '/slow' }).then(
        () => false,
        () => true,
      ),
    );
    finish?.();
    expect((await reply).body).toBe('first last');
    await stopped;
    expect(await world.acknowledged('gw1')).toBe(-1);
    expect(await gateway.receiptsOf((await reply).headers['x-call-id'] as string)).toMatchObject([
      { outcome: 'complete' },
    ]);
  });
});
