import { createTestDatabase, migrationsFolder, type TestDatabase } from '@wherry/testing';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from './migrate';

let server: TestDatabase;
let owner: pg.Client;
let folder: string;

beforeEach(async () => {
  server = await createTestDatabase({ empty: true });
  owner = new pg.Client({ connectionString: server.url('owner') });
  await owner.connect();
  folder = await mkdtemp(join(tmpdir(), 'wherry-migrations-'));
});

afterEach(async () => {
  await owner.end();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function addMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), sql);
}

async function rows(sql: string): Promise<unknown[]> {
  return (await owner.query(sql)).rows;
}

describe('migrate', () => {
  it('makes the whole schema once, and nothing at the second run', async () => {
    const all = (await readdir(migrationsFolder)).filter((name) => /^\d{14}_/.test(name)).sort();
    expect(await migrate(server.url('owner'), migrationsFolder)).toEqual(all);
    const before = await rows('select oid from pg_class order by oid');
    expect(await migrate(server.url('owner'), migrationsFolder)).toEqual([]);
    expect(await rows('select oid from pg_class order by oid')).toEqual(before);
  });

  it('keeps the books as the command line of Prisma does', async () => {
    await addMigration('20260101000000_one', 'create table one (id text primary key);');
    await migrate(server.url('owner'), folder);
    expect(await rows('select migration_name, checksum, applied_steps_count from _prisma_migrations')).toEqual([
      {
        migration_name: '20260101000000_one',
        // printf %s 'create table one (id text primary key);' | sha256sum
        checksum: '406e279c9bbbcea2a87d095077243cb543437867aa3265abecc40170b2ab5d3d',
        applied_steps_count: 1,
      },
    ]);
  });

  it('lets several starts at the same time apply each migration once', async () => {
    await addMigration('20260101000000_one', 'create table one (id text primary key);');
    const results = await Promise.all([1, 2, 3].map(() => migrate(server.url('owner'), folder)));
    expect(results.flat()).toEqual(['20260101000000_one']);
  });

  it('leaves nothing of a migration whose connection is killed half-way, and applies it at the next run', async () => {
    const wait = 'select pg_advisory_xact_lock(42);';
    await addMigration('20260101000000_one', `create table one (id text primary key); ${wait} create table two ();`);
    await owner.query('select pg_advisory_lock(42)');
    const killed = migrate(server.url('owner'), folder);
    const outcome = killed.then(
      () => 'applied',
      () => 'refused',
    );
    let pid: number | undefined;
    while (pid === undefined) {
      const waiting = `select pid from pg_stat_activity where application_name = 'migrate'
        and wait_event = 'advisory' and datname = current_database()`;
      pid = ((await rows(waiting))[0] as { pid: number } | undefined)?.pid;
    }
    await owner.query('select pg_terminate_backend($1, 5000)', [pid]);
    expect(await outcome).toBe('refused');
    expect(await rows("select relname from pg_class where relname in ('one', 'two')")).toEqual([]);
    expect(await rows('select migration_name from _prisma_migrations')).toEqual([]);

    await owner.query('select pg_advisory_unlock(42)');
    expect(await migrate(server.url('owner'), folder)).toEqual(['20260101000000_one']);
    expect(await rows("select relname from pg_class where relname in ('one', 'two') order by 1")).toHaveLength(2);
  });

  it('undoes a migration that fails, and names it', async () => {
    await addMigration('20260101000000_bad', 'create table one (id text primary key); select 1 / 0;');
    await expect(migrate(server.url('owner'), folder)).rejects.toThrow(
      'The migration 20260101000000_bad failed and was undone: division by zero',
    );
    expect(await rows("select relname from pg_class where relname = 'one'")).toEqual([]);
  });

  it('refuses a migration that was changed after it was applied', async () => {
    await addMigration('20260101000000_one', 'create table one (id text primary key);');
    await migrate(server.url('owner'), folder);
    await addMigration('20260101000000_one', 'create table other (id text primary key);');
    await expect(migrate(server.url('owner'), folder)).rejects.toThrow('was changed after this database applied it');
  });
});
