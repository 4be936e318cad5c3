import { createTestDatabase, seedTenant, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scopes } from '../scopes';
import { processRoles } from '../server/prepare';
import { withClient } from '../with-client';

/**
 * All that crosses tenants: scope → role → table → what it may do to rows of any tenant. `r` reads, `i` inserts,
 * `w` changes (in the columns it may), `d` deletes.
 */
const allowed = {
  authentication: {
    wherry_api: 'memberships:r tenants:r tokens:rw',
    wherry_git: 'tenants:r tokens:rw',
  },
  operator: { wherry_api: 'audit_log:i environments:i github_deliveries:r memberships:i tenants:riw' },
  intake: { wherry_api: 'github_deliveries:riw' },
  // Teams too are made, but without a role.
  login: { wherry_api: 'audit_log:i github_team_roles:rw memberships:riwd tenants:r' },
  routing: { wherry_gateway: 'environments:r functions:r replicas:r revisions:r routes:r tenants:r' },
  metering: { wherry_gateway: 'activity:riwd functions:r receipts:ri revisions:r usage_hourly:riw' },
  reconcile: {
    wherry_controller:
      'activity:r build_daemons:r deployment_functions:r deployments:r environments:r functions:r releases:r replicas:r repositories:r revisions:r routes:r secrets:r tenants:r variables:r',
  },
  sweep: { wherry_worker: 'deployments:r releases:r repositories:r repository_refs:r revisions:r tenants:r' },
  github: {
    wherry_worker:
      'deployments:r environments:ri github_deliveries:rwd github_installations:r github_reports:r repositories:r tenants:ri',
  },
  refs: { wherry_git: 'pushes:r repositories:r repository_refs:r tenants:r' },
};

let server: TestDatabase;

beforeAll(async () => {
  server = await createTestDatabase();
  await seedTenant(server.url('owner'), 'theirs');
});
afterAll(() => server.close());

/** One after the other: they share a connection and its transaction. */
async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Tenant tables with their columns and one row of theirs. */
async function readTables() {
  return withClient(server.url('owner'), 'test', async (client) => {
    const sql = `select c.relname as name, array_agg(a.attname::text) as columns from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
        and c.relrowsecurity group by 1 order by 1`;
    const { rows } = await client.query<{ name: string; columns: string[] }>(sql);
    const read = async ({ name, columns }: (typeof rows)[number]) => {
      const found = await client.query(`select to_jsonb(t) as row from ${name} t limit 1`);
      return { name, columns, row: found.rows[0].row as object };
    };
    return inOrder(rows, read);
  });
}
type Table = Awaited<ReturnType<typeof readTables>>[number];

async function reach(client: pg.Client, { name, columns, row }: Table): Promise<string> {
  const touches = async (sql: string, values: unknown[] = []) => {
    await client.query('savepoint s');
    try {
      return ((await client.query(sql, values)).rowCount ?? 0) > 0;
    } catch (error) {
      return (error as { code: string }).code !== '42501'; // any other failure comes after the policies let it pass
    } finally {
      await client.query('rollback to s');
    }
  };
  const list = columns.join(', ');
  const insert = `insert into ${name} (${list}) overriding system value
    select ${list} from jsonb_populate_record(null::${name}, $1)`;
  const updates = await inOrder(columns, (column) => touches(`update ${name} set ${column} = default`));
  const how = [
    (await touches(`select ${name === 'tenants' ? 'id' : 'tenant_id'} from ${name}`)) && 'r',
    (await touches(insert, [row])) && 'i',
    updates.includes(true) && 'w',
    (await touches(`delete from ${name}`)) && 'd',
  ];
  return how.filter(Boolean).join('');
}

it('lets each role cross tenants in its scopes only, and no further than it needs', async () => {
  const tables = await readTables();
  const found: Record<string, Record<string, string>> = {};
  for (const role of Object.values(processRoles)) {
    await withClient(server.url(role), 'test', async (client) => {
      for (const scope of scopes) {
        await client.query('begin');
        await client.query("select set_config('app.scope', $1, true)", [scope]);
        const reached = await inOrder(tables, async (table) => ({ name: table.name, how: await reach(client, table) }));
        await client.query('rollback');
        const shown = reached.filter(({ how }) => how !== '').map(({ name, how }) => `${name}:${how}`);
        if (shown.length > 0) (found[scope] ??= {})[role] = shown.join(' ');
      }
    });
  }
  expect(found).toEqual(allowed);
}, 240_000); // some ten thousand statements
