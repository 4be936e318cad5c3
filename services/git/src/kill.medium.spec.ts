import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestRemote, WorkingCopy, type Tenant } from './adapters/test-remote';
import { flush, packet } from './protocol/pkt-line';

let remote: TestRemote;
let tenant: Tenant;
let copy: WorkingCopy;
let token: string;
let bundle: string;
let proxy: Server;
let service: ChildProcess | null = null;
let healthPort: number | null = null;

const socket = () => join(remote.folder, 'git.sock');

/** Starts the service as it is started in production and returns when it says that it is ready. */
async function startService(changes: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [bundle], {
    env: {
      PATH: process.env['PATH'],
      WHERRY_DATABASE_URL_FILE: join(remote.folder, 'db.url'),
      WHERRY_GIT_ADDRESS: `unix:${socket()}`,
      WHERRY_REPOSITORIES_DIR: remote.repositoriesDir,
      WHERRY_CONSOLE_URL: 'http://127.0.0.1:3000',
      WHERRY_GATEWAY_URL: 'http://127.0.0.1:8080',
      WHERRY_APPS_DOMAIN: 'localhost',
      ...changes,
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const output: string[] = [];
  child.stdout?.on('data', (data: Buffer) => output.push(data.toString()));
  await new Promise<void>((done, fail) => {
    child.once('message', (said: { healthPort: number | null }) => {
      healthPort = said.healthPort;
      done();
    });
    child.once('exit', () => fail(new Error(`The service ended while starting:\n${output.join('')}`)));
  });
  child.removeAllListeners('exit');
  service = child;
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const gone = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  child.kill(signal);
  service = null;
  return gone;
}

const push = () => {
  const { port } = proxy.address() as AddressInfo;
  return copy.git('push', `http://git:${token}@127.0.0.1:${port}/git/${tenant.slug}/shop.git`, 'main');
};

async function until<T>(read: () => Promise<T | null | undefined>): Promise<T> {
  for (;;) {
    const value = await read();
    if (value !== null && value !== undefined) return value;
  }
}

beforeAll(async () => {
  remote = await TestRemote.prepare();
  await writeFile(join(remote.folder, 'db.url'), remote.database.url('wherry_git'));
  bundle = resolve('node_modules/.cache', `git-under-test-${process.pid}.mjs`);
  await build({
    ...{ entryPoints: [resolve('services/git/src/main.ts')], outfile: bundle, bundle: true, platform: 'node' },
    ...{ format: 'esm', packages: 'external', tsconfig: 'tsconfig.base.json', logLevel: 'error' },
  });
  proxy = createServer((client) => {
    const server = connect(socket());
    client.pipe(server).pipe(client);
    for (const one of [client, server]) one.on('error', () => [client, server].forEach((other) => other.destroy()));
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  tenant = await remote.tenant('acme');
  token = await remote.token(tenant, ['git:push']);
  copy = await WorkingCopy.create(remote.folder);
});
afterEach(async () => {
  if (service !== null) await end(service, 'SIGKILL');
});
afterAll(async () => {
  proxy.close();
  await rm(bundle, { force: true });
  await remote.close();
});

it('is ready once it serves, and counts what it was asked', async () => {
  await startService({ WHERRY_HEALTH_PORT: '0', WHERRY_HEALTH_HOST: '127.0.0.1' });
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${healthPort}${path}`)).text();
  expect(await ask('/readyz')).toBe('{"ready":true,"notReady":[]}\n');
  const { port } = proxy.address() as AddressInfo;
  const refused = await fetch(`http://127.0.0.1:${port}/git/${tenant.slug}/shop.git/info/refs?service=git-upload-pack`);
  expect(refused.status).toBe(401);
  const counted = 'wherry_git_requests_total{kind="refs",outcome="refused"} 1\n';
  await expect.poll(() => ask('/metrics')).toContain(counted);
});

describe('a service that is killed between the move of a ref and its ledger', () => {
  it('plans the commit after its restart, settles the intent, and does so once', async () => {
    const first = await startService();
    const blocker = new pg.Client({ connectionString: remote.database.url('owner') });
    await blocker.connect();
    // The ledger can be read and not be written while this lock is held; everything before it can.
    await blocker.query('begin');
    await blocker.query('lock table repository_refs in exclusive mode');
    const pushed = push();
    const head = await copy.head();
    await until(async () => {
      const [row] = await remote.rows<{ id: string }>('select id from repositories where tenant_id = $1', [tenant.id]);
      if (row === undefined) return null;
      const ref = join(remote.repositoriesDir, tenant.id, `${row.id}.git`, 'refs/heads/main');
      return (await readFile(ref, 'utf8').catch(() => '')).trim() === head ? head : null;
    });
    await end(first, 'SIGKILL');
    await pushed;
    expect(await remote.rows('select status from pushes where tenant_id = $1', [tenant.id])).toEqual([
      { status: 'intended' },
    ]);
    await blocker.query('rollback');
    await blocker.end();
    expect(await remote.plans(tenant)).toEqual([]);

    await startService();
    await until(async () => ((await remote.plans(tenant)).length > 0 ? true : null));
    expect(await remote.ledger(tenant)).toEqual({ 'refs/heads/main': head });
    const statuses = await remote.rows('select status from pushes where tenant_id = $1', [tenant.id]);
    expect(statuses).toEqual([{ status: 'landed' }]);
    const repositories = await remote.rows('select production_branch from repositories where tenant_id = $1', [
      tenant.id,
    ]);
    expect(repositories).toEqual([{ production_branch: 'main' }]);
    expect(await remote.plans(tenant)).toEqual(['refs/heads/main']);
  });

  it('tells whoever follows a deployment where to look on when it is stopped, and ends well', async () => {
    const child = await startService();
    await copy.commit('handler.js', 'module.exports = 2\n');
    const pushed = push();
    const head = await copy.head();
    await until(async () => ((await remote.ledger(tenant))['refs/heads/main'] === head ? true : null));
    expect(await end(child, 'SIGTERM')).toBe(0);
    const { code, err } = await pushed;
    expect(err).toContain('remote: The deployment goes on without this terminal: http://127.0.0.1:3000/deployments');
    expect(code).toBe(0);
  });

  it('leaves no git process behind when it is killed in the middle of an upload, and no ref', async () => {
    const child = await startService();
    const before = await remote.ledger(tenant);
    const [repository] = await remote.rows<{ id: string }>('select id from repositories where tenant_id = $1', [
      tenant.id,
    ]);
    const upload = request({
      ...{ socketPath: socket(), path: `/git/${tenant.slug}/shop.git/git-receive-pack`, method: 'POST' },
      headers: { authorization: `Basic ${btoa(`x:${token}`)}` },
    });
    upload.on('error', () => undefined);
    upload.write(packet(`${'0'.repeat(40)} ${'a'.repeat(40)} refs/heads/half\0report-status side-band-64k`));
    upload.write(Buffer.concat([flush, Buffer.from('PACK\0\0\0\u0002\0\0\u0010\0')]));
    const workers = () => processesWith(`PATH_INFO=/${tenant.id}/${repository?.id}.git`);
    await until(async () => ((await workers()).length >= 2 ? true : null));
    await end(child, 'SIGKILL');
    await until(async () => ((await workers()).length === 0 ? true : null));
    await startService();
    await until(async () => {
      const rows = await remote.rows<{ status: string }>("select status from pushes where ref = 'refs/heads/half'");
      return rows[0]?.status === 'void' ? true : null;
    });
    expect(await remote.ledger(tenant)).toEqual(before);
  });
});

/** Pids of the processes whose environment holds `text`. */
async function processesWith(text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => environments[index]?.includes(text));
}
