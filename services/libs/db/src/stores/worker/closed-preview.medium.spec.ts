import { createTestDatabase, openOwnerPool, seedTenant, type SeededTenant, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Database } from '../../database';
import { SweepStore } from './sweep-store';

const ref = 'refs/pull/1/head';

let server: TestDatabase;
let owner: pg.Pool;
let db: Database;
let store: SweepStore;
let own: SeededTenant;
let number = 0;

beforeAll(async () => {
  server = await createTestDatabase();
  owner = openOwnerPool(server);
  db = await Database.open({ url: server.url('wherry_worker'), applicationName: 'test', poolSize: 1 });
  store = new SweepStore(db);
});
afterAll(async () => {
  await Promise.all([db.close(), owner.end()]);
  await server.close();
});

/** The seeded preview with a retired deployment that has one revision of one function. */
beforeEach(async () => {
  number += 1;
  own = await seedTenant(server.url('owner'), `t${number}`);
  const values = [own.tenantId, own.previewId, own.repositoryId];
  await owner.query(
    `insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir, removed_at)
     values ($1, 'fn_preview', $2, 'hello', $3, '.', now())`,
    values,
  );
  await owner.query(
    `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
       commit_message, author, status, finished_at)
     values ($1, 'dep_preview', $2, $3, '.', '${ref}', '', '', '', '', 'retired', now() - interval '40 days')`,
    values,
  );
  await owner.query(
    `insert into revisions (tenant_id, id, function_id, number, deployment_id, input_hash, artifact_digest, config, config_hash)
     values ($1, 'rev_preview', 'fn_preview', 1, 'dep_preview', '', '', '{}', '')`,
    [own.tenantId],
  );
  await owner.query(
    `insert into deployment_functions (tenant_id, deployment_id, name, status, revision_id)
     values ($1, 'dep_preview', 'hello', 'built', 'rev_preview')`,
    [own.tenantId],
  );
});

const close = (days: number) =>
  owner.query(`update environments set closed_at = now() - make_interval(days => $2::integer) where id = $1`, [
    ...[own.previewId, days],
  ]);
/** What is left of the preview, by the names of tables. */
async function left(): Promise<string[]> {
  const { rows } = await owner.query<{ name: string }>(
    `select 'revisions' as name from revisions where tenant_id = $1 and id = 'rev_preview'
     union all select 'deployments' from deployments where tenant_id = $1 and id = 'dep_preview'
     union all select 'functions' from functions where tenant_id = $1 and id = 'fn_preview'
     union all select 'environments' from environments where tenant_id = $1 and id = $2`,
    [own.tenantId, own.previewId],
  );
  return rows.map(({ name }) => name);
}
async function sweep(): Promise<void> {
  await store.removeOldRevisions(own.tenantId, 5);
  await store.removeOldHistory(own.tenantId, 30);
}

it('keeps everything of a preview that is open', async () => {
  await sweep();
  expect(await left()).toEqual(['revisions', 'deployments', 'functions', 'environments']);
});

it('lets go of the revisions of a closed preview at once, and of the rest when it is past its time', async () => {
  await close(1);
  await owner.query(`update deployments set finished_at = now() where id = 'dep_preview' and tenant_id = $1`, [
    own.tenantId,
  ]);
  await sweep();
  expect(await left()).toEqual(['deployments', 'functions', 'environments']);
  await owner.query(`update deployments set finished_at = now() - interval '31 days' where id = 'dep_preview'`);
  await close(31);
  await sweep();
  expect(await left()).toEqual([]);
});

it('keeps a revision of a closed preview for as long as a replica of it drains', async () => {
  await close(31);
  await owner.query(
    `insert into replicas (tenant_id, id, revision_id, state) values ($1, 'rpl_preview', 'rev_preview', 'draining')`,
    [own.tenantId],
  );
  await sweep();
  expect(await left()).toEqual(['revisions', 'deployments', 'functions', 'environments']);
});

it('keeps the last deployment of a ref that is still there: plans are compared with it', async () => {
  await close(31);
  await owner.query(
    `insert into repository_refs (tenant_id, repository_id, ref, commit_sha) values ($1, $2, '${ref}', '')`,
    [own.tenantId, own.repositoryId],
  );
  await sweep();
  expect(await left()).toEqual(['deployments', 'environments']);
});

it('keeps the function, and so the preview, for as long as its usage is kept', async () => {
  await close(31);
  await owner.query(
    `insert into usage_hourly (tenant_id, function_id, hour, invocations) values ($1, 'fn_preview', date_trunc('hour', now()), 1)`,
    [own.tenantId],
  );
  await sweep();
  expect(await left()).toEqual(['functions', 'environments']);
});
