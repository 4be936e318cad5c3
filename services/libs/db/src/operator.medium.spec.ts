import { createTestDatabase, type TestDatabase } from '@wherry/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureOperator, mintLoginLink, mintToken } from './operator';

let test: TestDatabase;
let ownerUrl: string;
/** An owner without a superuser's rights, as managed servers give. */
let plainOwnerUrl: string;

beforeAll(async () => {
  test = await createTestDatabase();
  ownerUrl = test.url('owner');
  await query(
    "do $$ begin create role plain_owner login password 'plain_owner' noinherit; exception when duplicate_object then null; end $$",
  );
  // Only this database's tables change hands; the role is the server's.
  await query(`do $$ declare t record; begin
    for t in select tablename from pg_tables where schemaname = 'public' loop
      execute format('alter table %I owner to plain_owner', t.tablename);
    end loop;
    grant usage on schema public to plain_owner;
    alter policy operator on tenants to wherry_api, plain_owner;
    alter policy operator_creates on tenants to wherry_api, plain_owner;
  end $$`);
  const url = new URL(ownerUrl);
  url.username = 'plain_owner';
  url.password = 'plain_owner';
  plainOwnerUrl = url.href;
});
afterAll(() => test.close());

async function query<T extends object>(text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  return client
    .query<T>(text)
    .then(({ rows }) => rows)
    .finally(() => client.end());
}

const tenant = { tenantSlug: 'local', tenantName: 'Local' };

it('makes the operator once, however often and at once it runs, bound by row-level security or not', async () => {
  const urls = [ownerUrl, plainOwnerUrl, ownerUrl, plainOwnerUrl];
  const made = await Promise.all(urls.map((url) => ensureOperator(url, tenant)));
  expect(new Set(made.map(({ tenantId, userId }) => `${tenantId} ${userId}`)).size).toBe(1);
  expect(await query('select kind, name from environments')).toEqual([{ kind: 'production', name: 'production' }]);
  expect(await query('select role, is_operator from memberships join users on id = user_id')).toEqual([
    { role: 'owner', is_operator: true },
  ]);
});

it('keeps the token of an earlier start as long as it opens the same, and stores no value', async () => {
  const { tenantId, userId } = await ensureOperator(plainOwnerUrl, tenant);
  const wish = { tenantId, userId, name: 'push', scopes: ['git:push'] };
  const first = await mintToken(plainOwnerUrl, wish);
  expect(await mintToken(plainOwnerUrl, { ...wish, earlier: first })).toBe(first);
  expect(await mintToken(ownerUrl, { ...wish, scopes: ['read', 'deploy'], earlier: first })).not.toBe(first);
  await query('update tokens set revoked_at = now()');
  expect(await mintToken(ownerUrl, { ...wish, earlier: first })).not.toBe(first);
  expect(JSON.stringify(await query('select * from tokens'))).not.toContain(first.slice(10, 30));
});

it('makes a login link below the console, whose value follows the #', async () => {
  const { userId } = await ensureOperator(ownerUrl, tenant);
  const url = await mintLoginLink(plainOwnerUrl, { userId, consoleUrl: 'http://console.test', ttlMs: 60_000 });
  expect(url).toMatch(/^http:\/\/console\.test\/login#[\w-]{43}$/);
});
