import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { processRoles, type ProcessRole } from '@wherry/db';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { initPostgres, ownerUrl, postgresCommand, setupDatabase, waitForPostgres } from './postgres';
import { roleUrl } from './secrets';

// A server of its own: roles belong to a whole server, and this one's are made by an owner who is no superuser.
let folder: string;
let server: ChildProcess;
let managed: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'wherry-own-'));
  const place = {
    dataDir: path.join(folder, 'data'),
    socketDir: path.join(folder, 'run'),
    passwordFile: path.join(folder, 'password'),
  };
  const uid = process.getuid?.() ?? 0;
  await initPostgres(place, uid);
  const { file, args, env } = postgresCommand(place, uid);
  server = spawn(file, args, { env, stdio: 'ignore' });
  await waitForPostgres(place, 20_000);
  const url = await ownerUrl(place);
  await ask(url, "create role managed login createrole password 'managed'");
  await ask(url, 'create database mine owner managed');
  const own = new URL(url);
  Object.assign(own, { username: 'managed', password: 'managed', pathname: '/mine' });
  managed = own.href;
});
afterEach(async () => {
  server.kill('SIGQUIT');
  await once(server, 'exit');
  rmSync(folder, { recursive: true, force: true });
});

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

it('sets up a server of the operator whose owner is no superuser, at every start', async () => {
  const migrations = path.join(import.meta.dirname, '../../../services/libs/db/prisma/migrations');
  const passwords = (word: string) =>
    Object.fromEntries(Object.values(processRoles).map((role) => [role, `${word}-${role}`])) as Record<
      ProcessRole,
      string
    >;
  expect((await setupDatabase(managed, migrations, passwords('first'))).length).toBeGreaterThan(0);
  expect(await setupDatabase(managed, migrations, passwords('second'))).toEqual([]);
  for (const role of Object.values(processRoles)) {
    expect(await ask(roleUrl(managed, role, `second-${role}`), 'select id from tenants')).toEqual([]);
    await expect(ask(roleUrl(managed, role, `first-${role}`), 'select 1')).rejects.toThrow('password');
    const rights = `select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb as has_more from pg_roles
      where rolname = current_user`;
    expect(await ask(roleUrl(managed, role, `second-${role}`), rights)).toEqual([{ has_more: false }]);
  }
});
