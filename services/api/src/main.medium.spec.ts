import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@wherry/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleApi, spawnApi, untilReady } from './testing/adapters/api-process';

let database: TestDatabase;
let folder: string;
let bundle: Awaited<ReturnType<typeof bundleApi>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-api-'));
  [database, bundle] = await Promise.all([createTestDatabase(), bundleApi()]);
  await writeFile(join(folder, 'db.url'), database.url('wherry_api'), { mode: 0o600 });
});
afterAll(async () => {
  await bundle.remove();
  await database.close();
  await rm(folder, { recursive: true });
});

/** A port that was free a moment ago, and that the system gives to nobody by itself: it gives those from 32768 on. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

function environment(port: number): Record<string, string> {
  return {
    ...{ WHERRY_DATABASE_URL_FILE: join(folder, 'db.url'), WHERRY_CONSOLE_PORT: String(port) },
    ...{ WHERRY_CONSOLE_URL: `http://127.0.0.1:${port}/`, WHERRY_GATEWAY_URL: 'http://127.0.0.1:8080' },
    ...{ WHERRY_APPS_DOMAIN: 'localhost', WHERRY_GIT_ADDRESS: `unix:${join(folder, 'git.sock')}` },
    ...{ WHERRY_DASHBOARD_DIR: join(folder, 'none'), WHERRY_SANDBOX: 'bubblewrap' },
    WHERRY_SEALED_KEY_FILE: join(folder, 'api.key'),
  };
}

function get(port: number, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, agent: false }, resolve).once('error', reject).end();
  });
}

it('says when it is ready, finishes what is in flight at SIGTERM, and ends with 0', async () => {
  const port = await freePort();
  const git = createServer().listen(join(folder, 'git.sock'));
  const asked = new Promise<ServerResponse>((resolve) => git.once('request', (_request, reply) => resolve(reply)));
  const api = spawnApi(bundle.file, environment(port));
  await untilReady(api);
  expect((await get(port, '/v1/session')).statusCode).toBe(401);
  const reply = get(port, '/git/acme/a.git/info/refs');
  const push = await asked;
  api.child.kill('SIGTERM');
  // It takes no new connections from now on, and the push that is under way is still answered.
  await expect
    .poll(() =>
      get(port, '/').then(
        () => 'answered',
        (error: NodeJS.ErrnoException) => error.code,
      ),
    )
    .toBe('ECONNREFUSED');
  push.end('the end of the push');
  expect((await (await reply).setEncoding('utf8').toArray()).join('')).toBe('the end of the push');
  expect(await api.ended).toBe(0);
  const lines = api
    .output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { op: string });
  // Whether the poll above was once answered before the port closed is a matter of milliseconds.
  const ops = lines.map(({ op }) => op).filter((op) => op !== 'dashboard.serve');
  expect(ops).toEqual(['process.start', 'api.getSession', 'git.proxy']);
  await new Promise((resolve) => git.close(resolve));
});

it('is ready while its database answers, and counts requests without a name of a tenant', async () => {
  const port = await freePort();
  const health = { WHERRY_HEALTH_PORT: '0', WHERRY_HEALTH_HOST: '127.0.0.1' };
  const api = spawnApi(bundle.file, { ...environment(port), ...health });
  const healthPort = new Promise<number>((resolve) => {
    api.child.once('message', (said: { healthPort: number }) => resolve(said.healthPort));
  });
  await untilReady(api);
  const ask = async (path: string) => {
    const reply = await get(await healthPort, path);
    return { status: reply.statusCode, text: (await reply.setEncoding('utf8').toArray()).join('') };
  };
  expect(await ask('/readyz')).toEqual({ status: 200, text: '{"ready":true,"notReady":[]}\n' });
  await get(port, '/v1/tenants/acme/functions');
  const counted = 'wherry_api_requests_total{class="api",status="4xx"} 1\n';
  await expect.poll(async () => (await ask('/metrics')).text).toContain(counted);
  expect((await ask('/metrics')).text).not.toContain('acme');
  api.child.kill('SIGTERM');
  expect(await api.ended).toBe(0);
});

it('names every variable that is missing or wrong, and no value, before it does anything', async () => {
  const { WHERRY_GATEWAY_URL: _, ...env } = environment(0);
  const api = spawnApi(bundle.file, { ...env, WHERRY_SANDBOX: 'docker-in-docker' });
  expect(await api.ended).toBe(1);
  expect(api.output()).toBe('The api could not start: Invalid configuration: WHERRY_GATEWAY_URL, WHERRY_SANDBOX\n');
});

it('ends with a sentence when its port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const api = spawnApi(bundle.file, environment((other.address() as AddressInfo).port));
  expect(await api.ended).toBe(1);
  expect(api.output()).toMatch(/^The api could not start: .*EADDRINUSE/m);
  await new Promise((resolve) => other.close(resolve));
});
