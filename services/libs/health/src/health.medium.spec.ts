import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Health } from './health';
import { Metrics } from './metrics';
import { observeLog, statusClass } from './observe-log';

const open: Health[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((health) => health.close()));
});

async function start(metrics = new Metrics(), checkMs?: number): Promise<Health> {
  const health = await Health.start({ port: 0, host: '127.0.0.1', metrics, ...(checkMs ? { checkMs } : {}) });
  open.push(health);
  return health;
}

async function get(health: Health, path: string) {
  const reply = await fetch(`http://127.0.0.1:${health.port}${path}`);
  return { status: reply.status, type: reply.headers.get('content-type'), text: await reply.text() };
}

const readiness = async (health: Health) => {
  const { status, text } = await get(health, '/readyz');
  return [status, ...(JSON.parse(text) as { notReady: { check: string; detail: string }[] }).notReady];
};

it('lives from the start, is ready from its end on, and is not ready once it stops, living on', async () => {
  const health = await start();
  expect(await readiness(health)).toEqual([503, { check: 'process', detail: 'It is starting.' }]);
  health.started();
  expect(await readiness(health)).toEqual([200]);
  health.stopping();
  expect(await readiness(health)).toEqual([503, { check: 'process', detail: 'It is stopping.' }]);
  expect((await get(health, '/healthz')).status).toBe(200);
});

it('lists every check that does not pass: by its sentence, by its failure, and by its silence', async () => {
  const health = await start(new Metrics(), 30);
  health.started();
  health.check('fine', () => null);
  health.check('routes', () => 'The routes were not read yet.');
  health.check('broken', () => {
    throw new Error('a bug');
  });
  health.check('silent', () => new Promise(() => undefined));
  expect(await readiness(health)).toEqual([
    503,
    { check: 'routes', detail: 'The routes were not read yet.' },
    { check: 'broken', detail: 'The check failed: a bug' },
    { check: 'silent', detail: 'There was no answer within 30 ms.' },
  ]);
  health.check('routes', () => null);
  health.check('broken', async () => null);
  health.check('silent', () => null);
  expect(await readiness(health)).toEqual([200]);
});

it('shows its metrics as Prometheus reads them, with those of the process', async () => {
  const metrics = new Metrics();
  const health = await start(metrics);
  const served = metrics.counter({ name: 'wherry_test_served_total', help: 'Served.', labels: { ok: ['yes', 'no'] } });
  const log = observeLog({ write: () => undefined }, ({ ok }) => served.add({ ok: ok ? 'yes' : 'no' }));
  log.write({ op: 'test.serve', ok: true });
  const { type, text } = await get(health, '/metrics');
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text).toContain('wherry_test_served_total{ok="yes"} 1\n');
  const startedAt = Number(/^process_start_time_seconds (.*)$/m.exec(text)?.[1]);
  expect(Math.abs(startedAt - (Date.now() / 1_000 - process.uptime()))).toBeLessThan(5);
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
});

it('answers nothing else, and takes no other methods', async () => {
  const health = await start();
  expect((await get(health, '/')).status).toBe(404);
  expect((await fetch(`http://127.0.0.1:${health.port}/healthz`, { method: 'POST' })).status).toBe(405);
});

it('listens on nothing when it has no port, and works the same otherwise', async () => {
  const health = await Health.start({ port: undefined, host: '127.0.0.1', metrics: new Metrics() });
  health.check('x', () => null);
  health.started();
  expect(health.port).toBeNull();
  await health.close();
});

it('lets go of connections that are open when it is closed', async () => {
  const health = await start();
  const socket = connect(health.port as number, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await health.close();
  socket.resume().on('error', () => undefined);
  await closed;
});

it('has one class for each kind of status', () => {
  expect([101, 204, 302, 404, 503, 0, 999, undefined].map((status) => statusClass(status))).toEqual([
    ...['1xx', '2xx', '3xx', '4xx', '5xx', 'none', 'none', 'none'],
  ]);
});
