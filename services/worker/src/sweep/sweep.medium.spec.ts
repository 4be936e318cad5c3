import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Database, SweepStore } from '@wherry/db';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ArtifactFolder } from '../adapters/artifact-folder';
import { TestPlatform } from '../testing/platform';

let platform: TestPlatform;
let db: Database;
let store: SweepStore;

beforeEach(async () => {
  platform = await TestPlatform.create();
  await platform.repository('r');
  await platform.sql(`insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir)
    values ('ten_a', 'fn', 'env_a', 'hello', 'r', '.')`);
  db = await Database.open({ url: platform.database.url('wherry_worker'), applicationName: 'test' });
  store = new SweepStore(db);
});
afterEach(async () => {
  await db.close();
  await platform.close();
});

/** A deployment with one revision of its own, `age` steps old. */
async function deployed(name: string, age: number, status = 'retired'): Promise<void> {
  await platform.sql(
    `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
       commit_message, author, status, created_at)
     values ('ten_a', 'dep_' || $1, 'env_a', 'r', '.', 'refs/heads/main', '', '', '', '', $2, now() - make_interval(mins => $3))`,
    [name, status, age],
  );
  await platform.sql(
    `insert into revisions (tenant_id, id, function_id, number, deployment_id, input_hash, artifact_digest, config, config_hash)
     values ('ten_a', 'rev_' || $1, 'fn', $2, 'dep_' || $1, '', 'sha256:' || repeat($1, 64), '{}', '')`,
    [name, 100 - age],
  );
  await platform.sql(
    `insert into deployment_functions (tenant_id, deployment_id, name, status, revision_id)
     values ('ten_a', 'dep_' || $1, 'hello', 'built', 'rev_' || $1)`,
    [name],
  );
}

const revisions = async () => (await platform.sql('select id from revisions order by id')).map(({ id }) => id);

it('keeps the revisions of the newest deployments and of all that serves, and removes the others', async () => {
  await deployed('a', 9, 'live');
  await deployed('b', 8);
  await deployed('c', 7);
  await deployed('d', 6);
  await deployed('e', 1);
  await deployed('f', 0, 'building');
  await platform.sql(`insert into routes (tenant_id, function_id, environment_id, revision_id, deployment_id, version)
    values ('ten_a', 'fn', 'env_a', 'rev_b', 'dep_b', 1)`);
  await platform.sql(`insert into pins (tenant_id, environment_id, repository_id, root_dir, deployment_id)
    values ('ten_a', 'env_a', 'r', '.', 'dep_c')`);
  expect(await store.removeOldRevisions('ten_a', 2)).toBe(1);
  expect(await revisions()).toEqual(['rev_a', 'rev_b', 'rev_c', 'rev_e', 'rev_f']);
  expect(await store.removeOldRevisions('ten_a', 2)).toBe(0);
});

it('forgets what is over and past its time, but nothing that serves, can be restored or is planned against', async () => {
  for (const [name, age, status] of [
    ['a', 9, 'live'],
    ['b', 8, 'retired'],
    ['c', 7, 'retired'],
    ['d', 6, 'failed'],
    ['e', 5, 'failed'],
    ['f', 4, 'skipped'],
  ] as const) {
    await deployed(name, age, status);
  }
  await platform.sql(
    `update deployment_functions set revision_id = null where deployment_id in ('dep_c', 'dep_d', 'dep_e', 'dep_f')`,
  );
  await platform.sql(`delete from revisions where deployment_id in ('dep_c', 'dep_d', 'dep_e', 'dep_f')`);
  await platform.sql(`insert into pins (tenant_id, environment_id, repository_id, root_dir, deployment_id)
    values ('ten_a', 'env_a', 'r', '.', 'dep_c')`);
  await platform.sql(`update deployments set finished_at = now() - interval '91 days'`);
  await platform.sql(`update deployments set finished_at = now() - interval '89 days' where id = 'dep_e'`);
  for (const [id, status, days] of [
    ['old', 'landed', 91],
    ['open', 'intended', 91],
    ['young', 'refused', 89],
  ]) {
    await platform.sql(
      `insert into pushes (tenant_id, id, repository_id, ref, old_sha, new_sha, status, created_at, finished_at)
       values ('ten_a', $1, 'r', 'refs/heads/main', '', '', $2, now() - make_interval(days => $3),
         case when $2 <> 'intended' then now() - make_interval(days => $3) end)`,
      [id, status, days],
    );
  }
  const ids = async (table: string) => (await platform.sql(`select id from ${table} order by id`)).map(({ id }) => id);
  expect(await store.removeOldHistory('ten_a', 90)).toBe(2);
  expect(await ids('deployments')).toEqual(['dep_a', 'dep_b', 'dep_c', 'dep_e', 'dep_f']);
  expect(await ids('pushes')).toEqual(['open', 'young']);
});

it('forgets the names of segments with their receipts', async () => {
  await platform.sql(`insert into receipt_segments (epoch, segment, receipt_count, checksum, shipped_at) values
    ('e', 1, 1, '', now() - interval '91 days'), ('e', 2, 1, '', now() - interval '89 days')`);
  await store.turnPartitions(3, 14, 90);
  expect(await platform.sql('select segment from receipt_segments')).toEqual([{ segment: 2 }]);
});

it('removes artifacts that no revision names, but neither young ones nor any while something builds', async () => {
  await deployed('a', 1);
  const folder = new ArtifactFolder(join(platform.stateDir, 'artifacts'), { now: () => Date.now() + 7_200_000 });
  const young = new ArtifactFolder(join(platform.stateDir, 'artifacts'), { now: () => Date.now() });
  for (const name of ['a'.repeat(64), 'b'.repeat(64)]) mkdirSync(join(platform.stateDir, 'artifacts', name));
  const used = await store.artifactsInUse();
  expect(await young.removeUnused(used ?? new Set(), 3_600_000)).toBe(0);
  expect(await folder.removeUnused(used ?? new Set(), 3_600_000)).toBe(1);
  expect(await folder.existing([`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`, 'sha256:../..'])).toEqual(
    new Set([`sha256:${'a'.repeat(64)}`]),
  );
  await deployed('c', 0, 'building');
  expect(await store.artifactsInUse()).toBeNull();
});

it("removes the worker's own tokens that are past their time, and nobody else's", async () => {
  await platform.sql(`insert into users (id, name) values ('usr', 'Ada')`);
  const rows = [
    ['expired', `array['git:read']`, `'r'`, 'null', `now() - interval '1 minute'`],
    ['valid', `array['git:read']`, `'r'`, 'null', `now() + interval '1 minute'`],
    ['persons', `array['git:read']`, `'r'`, `'usr'`, `now() - interval '1 minute'`],
    ['other', `array['deploy']`, 'null', 'null', `now() - interval '1 minute'`],
  ];
  for (const [id, scopes, repository, by, until] of rows) {
    await platform.sql(`insert into tokens (tenant_id, id, name, token_hash, scopes, repository_id, created_by, expires_at)
      values ('ten_a', '${id}', '', '${id}', ${scopes}, ${repository}, ${by}, ${until})`);
  }
  expect(await store.removeExpiredTokens('ten_a')).toBe(1);
  expect((await platform.sql('select id from tokens order by id')).map(({ id }) => id)).toEqual([
    'other',
    'persons',
    'valid',
  ]);
});

it('makes partitions ahead and drops those past their time, at the start of a worker', async () => {
  await platform.sql(`select ensure_partitions(current_date - 20), ensure_partitions(current_date - 100)`);
  const partitions = () =>
    platform.sql(`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'log_chunks'::regclass
      and inhrelid::regclass::text like '%' || to_char(current_date - 20, 'YYYYMMDD')`);
  expect(await partitions()).toHaveLength(1);
  await platform.worker();
  await vi.waitFor(async () => expect(await partitions()).toEqual([]), { timeout: 20_000, interval: 20 });
  const receipts = await platform.sql(`select 1 from pg_inherits where inhparent = 'receipts'::regclass
    and inhrelid::regclass::text = 'receipts_' || to_char(current_date - 20, 'YYYYMMDD')`);
  expect(receipts).toHaveLength(1);
});

it('removes the rows of a deleted tenant and what it had cached, and leaves the caches of others', async () => {
  const caches = ['ten_a', 'ten_a.untrusted', 'ten_other'].map((name) => join(platform.stateDir, 'cache', name));
  for (const cache of caches) mkdirSync(cache, { recursive: true });
  await platform.sql('update tenants set deleted_at = now()');
  await platform.worker();
  await vi.waitFor(() => expect(caches.map((cache) => existsSync(cache))).toEqual([false, false, true]), {
    ...{ timeout: 20_000, interval: 20 },
  });
  expect(await platform.sql('select id from repositories')).toEqual([]);
});

it('removes what is left of builds that are over, and leaves those that are not', async () => {
  await deployed('a', 1, 'failed');
  await deployed('b', 2, 'building');
  await platform.sql(
    `update deployments set lease_owner = 'another', lease_until = now() + interval '1 hour' where id = 'dep_b'`,
  );
  for (const id of ['dep_a', 'dep_b', 'dep_unknown'])
    mkdirSync(join(platform.stateDir, 'builds', id), { recursive: true });
  await platform.worker();
  const isThere = (id: string) => existsSync(join(platform.stateDir, 'builds', id));
  await vi.waitFor(() => expect([isThere('dep_a'), isThere('dep_unknown')]).toEqual([false, false]), {
    timeout: 20_000,
    interval: 20,
  });
  expect(isThere('dep_b')).toBe(true);
});
