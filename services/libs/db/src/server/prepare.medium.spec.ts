import { createTestDatabase, seedTenant, type TestDatabase } from '@wherry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withClient } from '../with-client';
import { prepareDatabase, processRoles } from './prepare';

let server: TestDatabase;
beforeEach(async () => {
  server = await createTestDatabase();
  // The template may have been made before midnight.
  await prepareDatabase(server.url('owner'), passwords);
  await ask(
    'owner',
    "select drop_partitions(base, (now() at time zone 'utc')::date) from unnest(array['receipts', 'log_chunks']) base",
  );
});
afterEach(() => server.close());

const { api, gateway, git, worker, controller } = processRoles;
const passwords = { [api]: api, [gateway]: gateway, [git]: git, [worker]: worker, [controller]: controller } as const;

async function ask<T extends object>(role: 'owner' | typeof worker, sql: string): Promise<T[]> {
  return withClient(server.url(role), 'test', async (client) => (await client.query<T>(sql)).rows);
}

const partitions = `select relname as name, pg_get_expr(relpartbound, oid) as bounds from pg_class
  where relispartition and relname ~ '^(receipts|log_chunks)_[0-9]+$' order by 1`;

describe('prepareDatabase', () => {
  it('makes the partitions of today and the next days, once, in UTC whatever the time zone of the session', async () => {
    const before = await ask<{ name: string; bounds: string }>('owner', partitions);
    const days = await ask<{ day: string }>(
      'owner',
      "select to_char((now() at time zone 'utc')::date + n, 'YYYYMMDD') as day from generate_series(0, 3) n",
    );
    expect(before.map(({ name }) => name)).toEqual(
      ['log_chunks', 'receipts'].flatMap((base) => days.map(({ day }) => `${base}_${day}`)),
    );
    await prepareDatabase(`${server.url('owner')}&options=-c%20timezone%3DAsia/Tokyo`, passwords);
    await prepareDatabase(server.url('owner'), passwords);
    expect(await ask('owner', partitions)).toEqual(before);
    expect(before.at(-1)?.bounds).toContain("00:00:00+00'");
  });

  it('starts although rows came before their partition, and leaves them where they are', async () => {
    await ask('owner', "select drop_partitions('receipts', (now() at time zone 'utc')::date + 100)");
    await seedTenant(server.url('owner'), 'early');
    await prepareDatabase(server.url('owner'), passwords);
    expect(await ask('owner', 'select tableoid::regclass::text as part from receipts')).toEqual([
      { part: 'receipts_default' },
    ]);
  });

  it('lets the worker, and no other process, make and drop partitions', async () => {
    await seedTenant(server.url('owner'), 'some');
    const drop = "select drop_partitions('receipts', (now() at time zone 'utc')::date + 1) as n";
    expect(await ask(worker, drop)).toEqual([{ n: 1 }]);
    expect(await ask('owner', 'select count(*)::int as n from receipts')).toEqual([{ n: 0 }]);
    for (const role of [api, gateway, git, controller]) {
      const refused = withClient(server.url(role), 'test', (client) => client.query(drop));
      await expect(refused).rejects.toThrow('permission denied for function drop_partitions');
    }
  });
});
