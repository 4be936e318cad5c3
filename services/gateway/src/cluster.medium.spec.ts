import { once } from 'node:events';
import { request } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleGateway, GatewayProcess } from '../test/adapters/gateway-process';
import { RunningGateway, testLimits } from '../test/adapters/running-gateway';
import { silentPort } from '../test/adapters/silent-port';
import { call, until, World } from '../test/adapters/world';

describe('replicas with addresses on the network', () => {
  let gateway: RunningGateway;
  let world: World;

  beforeEach(async () => {
    gateway = await RunningGateway.create();
    world = gateway.world;
  });
  afterEach(() => gateway.close());

  /** A function whose replica `rpl_a` answers its calls and upgrades on a port. */
  async function networked(name: string) {
    const { port, server } = await world.serveTcp((req, res) => req.pipe(res));
    server.on('upgrade', (_req, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello');
    });
    const made = await world.live('acme', name);
    await world.readyAt(made.tenantId, made.revisionId, 'rpl_a', { kind: 'tcp', host: '127.0.0.1', port });
    return made;
  }

  async function upgrade(path: string): Promise<number | undefined> {
    const headers = { host: 'acme.localhost', connection: 'Upgrade', upgrade: 'websocket' };
    const req = request({ port: gateway.port, host: '127.0.0.1', path, headers }).end();
    const [reply, socket] = await once(req, 'upgrade');
    socket.resume();
    await once(socket, 'close');
    return reply.statusCode;
  }

  it('are sent calls and upgrades by host and port', async () => {
    await networked('hello');
    await gateway.start();
    const target = { method: 'POST', host: 'acme.localhost', path: '/hello', body: 'over TCP' };
    expect(await gateway.call(target)).toMatchObject({ status: 200, body: 'over TCP' });
    expect(await upgrade('/hello')).toBe(101);
  });

  it('hold no call up that never answer: it goes to another one, whole, and later ones go there at once', async () => {
    const silent = await silentPort();
    const made = await networked('hello');
    await world.readyAt(made.tenantId, made.revisionId, 'rpl_0', { kind: 'tcp', host: '127.0.0.1', port: silent.port });
    await gateway.start();
    const target = { method: 'POST', host: 'acme.localhost', path: '/hello', body: 'kept' };
    const startedAt = performance.now();
    const replies = await Promise.all([1, 2, 3, 4].map(() => gateway.call(target)));
    expect(replies.map(({ status, body }) => ({ status, body }))).toEqual(Array(4).fill({ status: 200, body: 'kept' }));
    // A second for those that tried it, and what a busy machine adds.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await upgrade('/hello')).toBe(101);
    await silent.close();
  });

  it('let a call wait for a replica when the only one is silent, and nothing of it was sent', async () => {
    const silent = await silentPort();
    const made = await world.live('acme', 'hello');
    await world.readyAt(made.tenantId, made.revisionId, 'rpl_0', { kind: 'tcp', host: '127.0.0.1', port: silent.port });
    await gateway.start({ limits: { ...testLimits, parkMs: 20_000 } });
    const reply = gateway.call({ method: 'POST', host: 'acme.localhost', path: '/hello', body: 'kept' });
    await world.replica(made.tenantId, made.revisionId, (req, res) => req.pipe(res));
    expect(await reply).toMatchObject({ status: 200, body: 'kept' });
    await silent.close();
  });
});

describe('a gateway as a pod', () => {
  let world: World;
  let bundle: Awaited<ReturnType<typeof bundleGateway>>;

  beforeAll(async () => {
    [world, bundle] = await Promise.all([World.create(), bundleGateway()]);
  });
  afterAll(async () => {
    await world.close();
    await bundle.remove();
  });

  const health = { WHERRY_HEALTH_PORT: '0', WHERRY_HEALTH_HOST: '127.0.0.1', WHERRY_GATEWAY_ID: 'wherry-gateway-0' };
  const ask = async (gateway: GatewayProcess, path: string) => {
    const reply = await fetch(`http://127.0.0.1:${gateway.healthPort}${path}`);
    return { status: reply.status, text: await reply.text() };
  };

  it('says at SIGTERM that it is not ready, serves on for its drain, and then ends', async () => {
    const { functionId } = await world.live('acme', 'drained', (_req, res) => res.end('served'));
    const gateway = await GatewayProcess.start(bundle.file, world, { ...health, WHERRY_DRAIN_SECONDS: '2' });
    const target = { host: 'acme.localhost', path: '/drained' };
    expect((await ask(gateway, '/readyz')).status).toBe(200);
    expect((await call(gateway.port, target)).body).toBe('served');
    const metrics = (await ask(gateway, '/metrics')).text;
    expect(metrics).toContain('wherry_gateway_calls_total{outcome="answered"} 1\n');
    expect(metrics).toMatch(/^wherry_gateway_routes_version [1-9]\d*$/m);
    expect(metrics).not.toMatch(/acme|drained/);

    const ended = gateway.kill('SIGTERM');
    await until('it is not ready', async () => (await ask(gateway, '/readyz')).status === 503);
    expect((await ask(gateway, '/healthz')).status).toBe(200);
    expect((await call(gateway.port, target)).body).toBe('served');
    // It is live to those who wait for acknowledgements for as long as it serves.
    expect(await world.acknowledged('wherry-gateway-0')).toBeGreaterThan(0);
    expect(await ended).toBe(0);
    expect(await world.acknowledged('wherry-gateway-0')).toBe(-1);
    const { rows } = await world.owner.query('select count(*)::int as count from receipts where function_id = $1', [
      functionId,
    ]);
    expect(rows).toEqual([{ count: 2 }]);
  });

  it('ships what its former self left in the journal, when it comes back under the same name', async () => {
    await world.live('acme', 'killed', (_req, res) => res.end('whole'));
    const first = await GatewayProcess.start(bundle.file, world, health);
    const callId = 'before-the-kill';
    await call(first.port, { host: 'acme.localhost', path: '/killed', headers: { 'x-call-id': callId } });
    await first.kill('SIGKILL');
    const second = await GatewayProcess.start(bundle.file, world, health);
    const receipts = async () =>
      (await world.owner.query('select count(*)::int as count from receipts where call_id = $1', [callId])).rows[0]
        .count;
    await until('the receipt is shipped', async () => (await receipts()) === 1);
    await until('the journal is empty', async () =>
      /^wherry_gateway_journal_bytes 0$/m.test((await ask(second, '/metrics')).text),
    );
    await second.kill('SIGTERM');
    expect(await receipts()).toBe(1);
    expect(await readdir(join(world.folder, 'journal'))).toEqual([]);
  });
});
