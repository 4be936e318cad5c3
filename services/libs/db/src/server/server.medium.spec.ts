import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { initPostgres, ownerUrl, postgresCommand, type PostgresPlace, waitForPostgres } from './server';

const uid = process.getuid?.() ?? 0;
let home: string;
let place: PostgresPlace;
const children: ChildProcess[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'wherry-home-')); // mode 0700
  place = {
    dataDir: join(home, 'postgres'),
    socketDir: join(home, 'run/pg'),
    passwordFile: join(home, 'secrets/owner'),
  };
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGQUIT');
    await exited;
  }
  await rm(home, { recursive: true, force: true });
});

async function start(): Promise<ChildProcess> {
  const { file, args, env } = postgresCommand(place, uid);
  const child = spawn(file, args, { env, stdio: 'ignore' });
  children.push(child);
  await waitForPostgres(place, 50_000);
  return child;
}

async function ask(sql: string, url?: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url ?? (await ownerUrl(place)) });
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const killed = (child: ChildProcess, signal: NodeJS.Signals) =>
  new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.kill(signal);
  });

describe('the embedded server', () => {
  it('runs in a folder that only its user can enter, and keeps what was written over a clean stop', async () => {
    await initPostgres(place, uid);
    expect((await stat(place.passwordFile)).mode & 0o777).toBe(0o600);
    const first = await start();
    await ask('create table kept (id int)');
    expect(await killed(first, 'SIGINT')).toBe(0);
    await initPostgres(place, uid);
    await start();
    expect(await ask('select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
  });

  it('asks every role for its password, also over the socket, and listens on nothing else', async () => {
    await initPostgres(place, uid);
    await start();
    await expect(ask('select 1', (await ownerUrl(place)).replace(/:[^:@]+@/, '@'))).rejects.toThrow('password');
    await expect(ask('select 1', (await ownerUrl(place)).replace(/:[^:@]+@/, ':wrong@'))).rejects.toThrow('password');
    expect(await ask('show listen_addresses')).toEqual([{ listen_addresses: '' }]);
    const methods = await ask('select distinct type, auth_method from pg_hba_file_rules');
    expect(methods).toEqual([{ type: 'local', auth_method: 'scram-sha-256' }]);
  });

  it('starts after a kill, also when another process has the pid in its lock file by now', async () => {
    await initPostgres(place, uid);
    const first = await start();
    await ask('create table kept (id int)');
    await killed(first, 'SIGKILL');
    const lock = join(place.dataDir, 'postmaster.pid');
    const stale = (await readFile(lock, 'utf8')).replace(/^\d+/, String(process.pid));
    await writeFile(lock, stale);
    await initPostgres(place, uid);
    await start();
    expect(await ask('select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
  });

  it('lets the processes that a killed server leaves end before another one starts', async () => {
    await initPostgres(place, uid);
    const first = await start();
    const [orphan] = (await readFile(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8')).trim().split(' ');
    process.kill(Number(orphan), 'SIGSTOP');
    await killed(first, 'SIGKILL');
    const ready = initPostgres(place, uid).then(() => 'ready');
    try {
      expect(await Promise.race([ready, delay(500, 'waits')])).toBe('waits');
    } finally {
      process.kill(Number(orphan), 'SIGCONT');
    }
    expect(await ready).toBe('ready');
    await start();
  });

  it('refuses to touch a folder on which a server runs, and names its pid', async () => {
    await initPostgres(place, uid);
    const child = await start();
    await expect(initPostgres(place, uid)).rejects.toThrow(`with pid ${child.pid}. Stop it with: kill -INT`);
    expect(await ask('select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('makes the data folder anew when a first start was killed while making it', async () => {
    await mkdir(join(`${place.dataDir}.new`, 'base'), { recursive: true });
    await writeFile(join(`${place.dataDir}.new`, 'PG_VERSION'), '18\n');
    await initPostgres(place, uid);
    await start();
    expect(existsSync(`${place.dataDir}.new`)).toBe(false);
  });

  it('says what to do when the socket path is too long', async () => {
    const deep = { ...place, socketDir: join(home, 'x'.repeat(100)) };
    await expect(initPostgres(deep, uid)).rejects.toThrow(
      'longer than 107 bytes. Put the state folder somewhere shorter',
    );
  });

  it('ends when whoever started it is killed', async () => {
    await initPostgres(place, uid);
    const command = postgresCommand(place, uid);
    const script = `const { spawn } = require('node:child_process');
      const c = ${JSON.stringify(command)};
      const child = spawn(c.file, c.args, { env: c.env, stdio: 'ignore' });
      process.send(child.pid); setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    children.push(starter);
    const pid = await new Promise<number>((resolve) =>
      starter.once('message', (message) => resolve(message as number)),
    );
    await waitForPostgres(place, 50_000);
    starter.kill('SIGKILL');
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  });

  it.runIf(uid === 0)('runs for a normal user without any user namespace', async () => {
    const nobody = 65_534;
    await chown(home, nobody, nobody);
    const script = await bundle();
    const user = { uid: nobody, gid: nobody, env: {}, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] as StdioOptions };
    const starter = spawn(process.execPath, [script, JSON.stringify(place)], user);
    children.push(starter);
    const { pid } = await new Promise<{ pid: number }>((resolve, reject) => {
      starter.once('message', (message) => resolve(message as { pid: number }));
      starter.once('exit', () => reject(new Error('the starter ended')));
    });
    expect(await readlink(`/proc/${pid}/ns/user`)).toBe(await readlink('/proc/self/ns/user'));
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toContain(`Uid:\t${nobody}\t${nobody}`);
    expect(await ask('select 1 as n')).toEqual([{ n: 1 }]);
  });
});

/** A script that starts the server, for a process of another user. It is where its packages are found. */
async function bundle(): Promise<string> {
  const outfile = join(import.meta.dirname, '../../../../../node_modules/.cache', `start-${process.pid}.mjs`);
  const contents = `import { initPostgres, postgresCommand, waitForPostgres } from './server';
    import { spawn } from 'node:child_process';
    const place = JSON.parse(process.argv[2]);
    await initPostgres(place, process.getuid());
    const { file, args, env } = postgresCommand(place, process.getuid());
    const { pid } = spawn(file, args, { env, stdio: 'ignore' });
    await waitForPostgres(place, 50_000);
    process.send({ pid });
    setInterval(() => {}, 1000);`;
  await build({
    ...{ stdin: { contents, resolveDir: import.meta.dirname }, outfile, bundle: true, packages: 'external' },
    ...{ platform: 'node', format: 'esm', logLevel: 'error' },
  });
  onTestFinished(() => rm(outfile));
  return outfile;
}
