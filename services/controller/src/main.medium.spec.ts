import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Keeper } from '@wherry/keeper';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Harness, until } from './testing/adapters/harness';

const server = `import { createServer } from 'node:http';
console.log('function started');
createServer((_, res) => res.end('pid ' + process.pid)).listen(process.env.WHERRY_LISTEN);`;

let h: Harness;
let home: string;
let bundle: string;
let keeper: Keeper;
const children: ChildProcess[] = [];

beforeEach(async () => {
  h = await Harness.open();
  home = await mkdtemp(path.join(tmpdir(), 'wc-'));
  await mkdir(path.join(home, 'artifacts', '0'.repeat(64)), { recursive: true });
  await mkdir(path.join(home, 'run'));
  await writeFile(path.join(home, 'artifacts', '0'.repeat(64), 'index.mjs'), server);
  await writeFile(path.join(home, 'db.url'), h.url('wherry_controller'), { mode: 0o600 });
  // Beside the sources, so that packages are found.
  bundle = path.join(import.meta.dirname, `../../../node_modules/.cache/controller-${process.pid}.mjs`);
  await build({
    ...{ entryPoints: [path.join(import.meta.dirname, 'main.ts')], outfile: bundle, bundle: true, format: 'esm' },
    ...{ platform: 'node', packages: 'external', logLevel: 'error' },
    tsconfig: path.join(import.meta.dirname, '../../../tsconfig.base.json'),
  });
  keeper = await Keeper.listen({ socketPath: path.join(home, 'run', 'keeper.sock') });
  await h.gateway('gw');
});

afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await keeper.close();
  await h.close();
  await rm(home, { recursive: true, force: true });
  await rm(bundle, { force: true });
});

async function startProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [bundle], {
    env: {
      PATH: process.env.PATH,
      WHERRY_DATABASE_URL_FILE: path.join(home, 'db.url'),
      WHERRY_KEEPER_SOCKET: path.join(home, 'run', 'keeper.sock'),
      WHERRY_STATE_DIR: home,
      WHERRY_SEALING_KEY_FILE: path.join(home, 'secrets', 'sealing.key'),
      WHERRY_NODE_FILE: process.execPath,
      WHERRY_SANDBOX: 'none',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  const [message] = await once(child, 'message');
  expect(message).toEqual({ ready: true });
  return child;
}

function call(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/' }, (response) => resolve(text(response)));
    sent.once('error', reject).end();
  });
}

async function readySocket(): Promise<string> {
  await until(async () => (await h.replicaRows()).some((row) => row.state === 'ready'));
  const row = (await h.replicaRows()).find((each) => each.state === 'ready');
  return (JSON.parse(row?.address ?? '{}') as { path: string }).path;
}

it('runs a real function, leaves it running when it is killed, and adopts it and goes on afterwards', async () => {
  const first = await startProcess();
  const releaseId = await h.release(await h.deployment({ one: {} }));
  await until(async () => (await h.releaseRow(releaseId)).status === 'routed');
  const before = await call(await readySocket());
  await until(
    async () => (await h.sql(`select 1 from log_chunks where lines::text like '%function started%'`)).length > 0,
  );
  expect((await stat(path.join(home, 'secrets', 'sealing.key'))).mode & 0o777).toBe(0o600);

  first.kill('SIGKILL');
  await once(first, 'exit');
  expect(await call(await readySocket())).toBe(before);

  const second = await startProcess();
  const next = await h.deployment({ one: {} });
  const nextRelease = await h.release(next);
  await until(async () => (await h.releaseRow(nextRelease)).status === 'routed');
  await until(async () => {
    await h.gateway('gw');
    const rows = await h.sql<{ revision_id: string }>(`select distinct revision_id from replicas`);
    return rows.length === 1 && rows[0]?.revision_id === h.rev('one', next);
  });
  expect(await call(await readySocket())).not.toBe(before);
  expect(await h.sql(`select key_id from sealing_keys where retired_at is null`)).toHaveLength(1);

  second.kill('SIGTERM');
  expect(await once(second, 'exit')).toEqual([0, null]);
  expect(await call(await readySocket())).toMatch(/^pid \d+$/);
});
