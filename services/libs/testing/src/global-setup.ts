import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initPostgres, ownerUrl, postgresCommand, waitForPostgres } from '@wherry/db';
import type { TestProject } from 'vitest/node';
import { prepareTemplate } from './template';

declare module 'vitest' {
  interface ProvidedContext {
    /** The run's PostgreSQL server. */
    postgres: TestServer;
  }
}

/** Nothing in a test's database outlives the run, so nothing needs to reach the disk. */
const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '150' };

/** The socket folder and the owner's password of a PostgreSQL server. */
export type TestServer = Readonly<{ socketDir: string; ownerPassword: string }>;

/** Starts one PostgreSQL server for the whole run, in a temporary folder, with a migrated template database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { server, stop } = await startTestServer();
  project.provide('postgres', server);
  return stop;
}

/** The same for one test whose run has no server. */
export async function startTestServer(): Promise<{ server: TestServer; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'wherry-pg-'));
  const place = { dataDir: join(folder, 'data'), socketDir: folder, passwordFile: join(folder, 'owner') };
  const uid = process.getuid?.() ?? 0;
  await initPostgres(place, uid);
  const { file, args, env } = postgresCommand(place, uid, fast);
  const server = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const output: string[] = [];
  server.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const ended = new AbortController();
  server.once('exit', () => ended.abort(new Error(`PostgreSQL ended while starting:\n${output.join('')}`)));
  await waitForPostgres(place, 30_000, ended.signal);
  const url = await ownerUrl(place);
  await prepareTemplate(url);
  const stop = async () => {
    server.removeAllListeners('exit');
    const exited = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGQUIT');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  return { server: { socketDir: folder, ownerPassword: decodeURIComponent(new URL(url).password) }, stop };
}
