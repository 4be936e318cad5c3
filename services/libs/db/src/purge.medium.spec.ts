import { createTestDatabase, seedTenant, type SeededTenant, type TestDatabase } from '@wherry/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from './database';
import { exportedTables, leftOutOfExport, TenantExportStore } from './stores/api/index';
import { SweepStore } from './stores/worker/index';
import { withClient } from './with-client';

let server: TestDatabase;
let worker: Database;
let gone: SeededTenant;
let other: SeededTenant;

beforeAll(async () => {
  server = await createTestDatabase();
  worker = await Database.open({ url: server.url('wherry_worker'), applicationName: 'test' });
  gone = await seedTenant(server.url('owner'), 'gone');
  other = await seedTenant(server.url('owner'), 'other');
});
afterAll(async () => {
  await worker.close();
  await server.close();
});

const owner = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  withClient(server.url('owner'), 'test', async (client) => (await client.query<T>(text, values)).rows);

/** Every table with a tenant → how many rows of the tenant it has. */
async function rowsOf({ tenantId }: SeededTenant): Promise<Record<string, number>> {
  const tables = await owner<{ name: string }>(`select c.relname as name from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace order by 1`);
  const counts = tables.map(async ({ name }) => {
    const [row] = await owner<{ n: number }>(`select count(*)::int as n from ${name} where tenant_id = $1`, [tenantId]);
    return [name, row!.n] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

it('exports or leaves out on purpose every table that holds rows of tenants', async () => {
  const listed = [...Object.keys(exportedTables), ...leftOutOfExport].sort();
  expect(Object.keys(await rowsOf(gone))).toEqual(listed);
});

it('reads each exported table to its end, page by page, without what opens anything', async () => {
  const api = await Database.open({ url: server.url('wherry_api'), applicationName: 'test' });
  const store = new TenantExportStore(api);
  const counts = await rowsOf(other);
  for (const table of Object.keys(exportedTables) as (keyof typeof exportedTables)[]) {
    const rows: object[] = [];
    let after: string | null = null;
    do {
      const page = await store.page(other.tenantId, table, after, 1);
      rows.push(...page.rows);
      after = page.after;
    } while (after !== null);
    expect([table, rows.length]).toEqual([table, counts[table]]);
    expect(rows.filter((row) => (row as { tenant_id: string }).tenant_id !== other.tenantId)).toEqual([]);
    expect(rows.flatMap(Object.keys)).not.toEqual(expect.arrayContaining(['sealed']));
    expect(JSON.stringify(rows)).not.toMatch(/"(sealed|token_hash|password_hash|body)":/);
  }
  await api.close();
});

it('removes nothing of a tenant that is not deleted, or of which something still runs', async () => {
  const store = new SweepStore(worker);
  const before = await rowsOf(gone);
  expect(await store.purge(gone.tenantId)).toBe(0);
  await owner('update tenants set deleted_at = now() where id = $1', [gone.tenantId]);
  expect(await store.purge(gone.tenantId)).toBe(0);
  expect(await rowsOf(gone)).toEqual(before);
  await owner(`update deployments set status = 'cancelled' where tenant_id = $1`, [gone.tenantId]);
  expect(await store.purge(gone.tenantId)).toBe(0);
  expect(await rowsOf(gone)).toEqual(before);
});

it('leaves no row of a deleted tenant once nothing of it runs, and all of the others', async () => {
  const store = new SweepStore(worker);
  const others = await rowsOf(other);
  expect(Object.values(others).filter((count) => count === 0)).toEqual([]);
  await owner('delete from replicas where tenant_id = $1', [gone.tenantId]);
  expect(await store.purge(gone.tenantId)).toBe(1);
  expect(Object.entries(await rowsOf(gone)).filter(([, count]) => count > 0)).toEqual([]);
  expect(await rowsOf(other)).toEqual(others);
  expect(
    await owner('select slug, name, purged_at is not null as "isGone" from tenants where id = $1', [gone.tenantId]),
  ).toEqual([{ slug: 'gone', name: 'gone', isGone: true }]);
  expect(await store.purge(gone.tenantId)).toBe(0);
  const logged = await owner('select actor_kind, details from platform_audit_log where action = $1', ['tenant.purge']);
  expect(logged, 'its own log went with it').toEqual([{ actor_kind: 'platform', details: { id: gone.tenantId } }]);
});

it('goes on to refuse every other removal from the audit log', async () => {
  await expect(owner('delete from audit_log')).rejects.toThrow('never changed or removed');
  const query = worker.tenant(other.tenantId, (tx) => tx.$executeRaw`delete from audit_log`);
  await expect(query).rejects.toThrow(/permission denied|42501/);
});
