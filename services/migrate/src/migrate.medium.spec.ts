import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processRoles, withClient } from '@wherry/db';
import { createTestDatabase, type TestDatabase } from '@wherry/testing';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { waitForDatabase } from './wait-for-database';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const bundle = join(root, 'dist', 'test', `migrate-${process.pid}.mjs`);
const databases: TestDatabase[] = [];
let folder: string;

beforeAll(() =>
  build({
    ...{ absWorkingDir: root, entryPoints: ['services/migrate/src/main.ts'], outfile: bundle, bundle: true },
    ...{ platform: 'node', format: 'esm', packages: 'external', tsconfig: 'tsconfig.base.json' },
  }),
);
afterAll(() => rm(bundle, { force: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-migrate-'));
  await mkdir(join(folder, 'passwords'));
  // As everywhere in tests: roles are the server's, and others log in with these passwords meanwhile.
  for (const role of Object.values(processRoles)) {
    await writeFile(join(folder, 'passwords', `${role}.password`), `${role}\n`);
  }
});
afterEach(async () => {
  await Promise.all(databases.splice(0).map((database) => database.close()));
  await rm(folder, { recursive: true });
});

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase({ empty: true });
  databases.push(database);
  return database;
}

async function run(ownerUrl: string): Promise<{ code: number | null; line: Record<string, unknown>; output: string }> {
  await writeFile(join(folder, 'owner.url'), ownerUrl);
  const child = spawn(process.execPath, [bundle], {
    env: {
      WHERRY_DATABASE_URL_FILE: join(folder, 'owner.url'),
      WHERRY_ROLE_PASSWORDS_DIR: join(folder, 'passwords'),
      WHERRY_MIGRATIONS_DIR: join(root, 'services/libs/db/prisma/migrations'),
      WHERRY_DATABASE_WAIT_SECONDS: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const last = output.trim().split('\n').at(-1) ?? '';
  return { code, line: last.startsWith('{') ? (JSON.parse(last) as Record<string, unknown>) : {}, output };
}

const ask = <T extends object>(url: string, sql: string): Promise<T[]> =>
  withClient(url, 'test', async (client) => (await client.query<T>(sql)).rows);

it('brings an empty database up to date, also when two run at once, and finds everything done the next time', async () => {
  const database = await emptyDatabase();
  const both = await Promise.all([run(database.url('owner')), run(database.url('owner'))]);
  expect(
    both.map(({ code }) => code),
    both.map(({ output }) => output).join(''),
  ).toEqual([0, 0]);
  const applied = both.map(({ line }) => line['count'] as number).sort();
  expect(applied[0]).toBe(0);
  expect(applied[1]).toBeGreaterThan(2);
  expect((await run(database.url('owner'))).line).toMatchObject({ ok: true, count: 0 });
  for (const role of Object.values(processRoles)) {
    expect(await ask(database.url(role), 'select current_user as role')).toEqual([{ role }]);
  }
  expect(await ask(database.url('wherry_worker'), 'select name from pgboss.queue order by 1')).toEqual([
    { name: 'build' },
    { name: 'delivery' },
    { name: 'plan' },
    { name: 'report' },
  ]);
});

it('says which commands give an owner the rights that it lacks', async () => {
  const database = await emptyDatabase();
  await ask(
    database.url('owner'),
    "do $$ begin create role stranger login password 'hidden'; exception when duplicate_object then null; end $$",
  );
  const url = new URL(database.url('owner'));
  Object.assign(url, { username: 'stranger', password: 'hidden' });
  const { code, line, output } = await run(url.href);
  expect([code, line['ok']]).toEqual([1, false]);
  expect(line['message']).toMatch(
    /The role "stranger" does not own .* run: alter database "test_\w+" owner to "stranger";/,
  );
  expect(output).not.toContain('hidden');
});

it('fails at once, without the password, when the database refuses its owner', async () => {
  const database = await emptyDatabase();
  const url = new URL(database.url('owner'));
  url.password = 'hidden';
  const { code, line, output } = await run(url.href);
  expect([code, line['op']]).toEqual([1, 'database.migrate']);
  expect(line['message']).toContain('The database refuses the owner.');
  expect(output).not.toContain('hidden');
});

it('names the password that is missing', async () => {
  await rm(join(folder, 'passwords', 'wherry_git.password'));
  const { code, line } = await run('postgresql://owner@localhost/x');
  expect([code, line['message']]).toEqual([
    1,
    expect.stringContaining('Cannot read the file that WHERRY_ROLE_PASSWORDS_DIR (wherry_git.password) names.'),
  ]);
});

/** A port where nobody listens yet, and how to open it as a way to the database's server. */
async function closedDoor(
  database: TestDatabase,
): Promise<{ url: string; open: () => Promise<void>; close: () => void }> {
  const own = new URL(database.url('owner'));
  const socket = join(own.searchParams.get('host') as string, '.s.PGSQL.5432');
  const server = createServer((client) => {
    const there = connect(socket);
    client.pipe(there).pipe(client);
    for (const end of [client, there]) end.on('error', () => end.destroy());
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  own.searchParams.delete('host');
  own.host = `127.0.0.1:${port}`;
  return { url: own.href, open: () => listen(port), close: () => server.close() };
}

it('waits for a database that comes late, tells so once, and says what to check when it never comes', async () => {
  const door = await closedDoor(await emptyDatabase());
  const heard: string[] = [];
  let elapsedMs = 0;
  const patience = (onPause: () => Promise<void>) => ({
    waitMs: 60_000,
    elapsedMs: () => elapsedMs,
    pause: (ms: number) => {
      elapsedMs += ms;
      return onPause();
    },
    onWait: (code: string) => void heard.push(code),
  });
  await expect(
    waitForDatabase(
      door.url,
      patience(async () => undefined),
    ),
  ).rejects.toThrow('not answer within 60 s');
  expect([elapsedMs, heard]).toEqual([60_000, ['ECONNREFUSED']]);
  await waitForDatabase(door.url, patience(door.open));
  expect([elapsedMs, heard]).toEqual([61_000, ['ECONNREFUSED', 'ECONNREFUSED']]);
  door.close();
});
