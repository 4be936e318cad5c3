import { createTestDatabase, openOwnerPool, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Database } from '../../database';
import { GithubDeliveryStore, GithubMemberStore } from './index';

let server: TestDatabase;
let owner: pg.Pool;
let db: Database;

beforeEach(async () => {
  server = await createTestDatabase();
  owner = openOwnerPool(server);
  db = await Database.open({ url: server.url('wherry_worker'), applicationName: 'test' });
});
afterEach(async () => {
  await db.close();
  await owner.end();
  await server.close();
});

it('deliveries that wait are given out in turns: those that always fail do not keep the others waiting', async () => {
  const store = new GithubDeliveryStore(db);
  await owner.query(
    `insert into github_deliveries (id, event, received_at)
     select 'd' || n, 'push', now() - make_interval(hours => 10 - n) from generate_series(1, 4) n`,
  );
  const taken = async () => (await store.overdue(120, 3)).toSorted();
  expect(await taken()).toEqual(['d1', 'd2', 'd3']);
  expect(await taken()).toContain('d4');
});

it('tenants whose members cannot be asked for have their turn after the others of their App', async () => {
  const store = new GithubMemberStore(db);
  await owner.query(
    `insert into tenants (id, slug, name) values ('ten_a', 'a', 'A'), ('ten_b', 'b', 'B'), ('ten_c', 'c', 'C')`,
  );
  await owner.query(
    `insert into github_installations (tenant_id, id, app_id, account_id, repository_selection, refreshed_at) values
     ('ten_a', 1, 7, 1, 'all', now() - interval '3 hours'), ('ten_b', 2, 7, 2, 'all', now() - interval '2 hours'),
     ('ten_c', 3, 8, 3, 'all', now() - interval '4 hours')`,
  );
  expect(await store.due(3_600, 7)).toEqual(['ten_a', 'ten_b']);
  await store.attempt('ten_a');
  expect(await store.due(3_600, 7)).toEqual(['ten_b', 'ten_a']);
  expect(await store.due(3_600, 8)).toEqual(['ten_c']);
});
