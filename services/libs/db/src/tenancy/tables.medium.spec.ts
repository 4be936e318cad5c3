import { createTestDatabase, type SeededTenant, seedTenant, type TestDatabase } from '@wherry/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProcessRole, processRoles } from '../server/prepare';

/** All tables that hold no tenant's rows. Every other table is a tenant table, and must pass what follows. */
const withoutTenant = [
  'pgboss.bam',
  'pgboss.job',
  'pgboss.job_common',
  'pgboss.job_dependency',
  'pgboss.queue',
  'pgboss.queue_stats',
  'pgboss.schedule',
  'pgboss.subscription',
  'pgboss.version',
  'pgboss.warning',
  'public._prisma_migrations',
  'public.gateways',
  'public.github_app',
  'public.github_credentials',
  'public.github_registrations',
  'public.login_links',
  'public.platform_audit_log',
  'public.platform_checks',
  'public.receipt_segments',
  'public.routing_version',
  'public.sealing_keys',
  'public.sessions',
  'public.users',
];

/** SQLSTATE: permission denied, or a row that a policy refuses. */
const refused = '42501';
const foreignKeyViolation = '23503';

type Table = Readonly<{
  name: string;
  /** The column that holds the tenant's id. */
  tenantColumn: string;
  columns: readonly string[];
  isForced: boolean;
}>;
type ForeignKey = Readonly<{ table: string; to: string; columns: readonly string[]; toColumns: readonly string[] }>;

let server: TestDatabase;
let owner: pg.Client;
let tables: Table[];
let foreignKeys: ForeignKey[];
let mine: SeededTenant;
let theirs: SeededTenant;
const clients = new Map<ProcessRole, pg.Client>();

async function connect(role: ProcessRole | 'owner'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url(role) });
  await client.connect();
  return client;
}

beforeAll(async () => {
  server = await createTestDatabase();
  mine = await seedTenant(server.url('owner'), 'mine');
  theirs = await seedTenant(server.url('owner'), 'theirs');
  owner = await connect('owner');
  for (const role of Object.values(processRoles)) clients.set(role, await connect(role));
  tables = (await owner.query(tablesSql)).rows;
  foreignKeys = (await owner.query(foreignKeysSql)).rows;
});

afterAll(async () => {
  await Promise.all([owner, ...clients.values()].map((client) => client.end()));
  await server.close();
});

const tablesSql = `
  select format('%s.%s', n.nspname, c.relname) as name,
    case when c.relname = 'tenants' then 'id' else 'tenant_id' end as "tenantColumn",
    array_agg(a.attname::text order by a.attnum) as columns,
    c.relrowsecurity and c.relforcerowsecurity as "isForced"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'p') and n.nspname in ('public', 'pgboss')
  group by n.nspname, c.oid having bool_or(a.attname = 'tenant_id') or c.relname = 'tenants'
  order by 1`;

const foreignKeysSql = `
  select k.conrelid::regclass::text as table, k.confrelid::regclass::text as to,
    (select array_agg(attname::text order by n) from unnest(k.conkey) with ordinality u (num, n)
      join pg_attribute on attrelid = k.conrelid and attnum = num) as columns,
    (select array_agg(attname::text order by n) from unnest(k.confkey) with ordinality u (num, n)
      join pg_attribute on attrelid = k.confrelid and attnum = num) as "toColumns"
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where k.contype = 'f' and n.nspname = 'public' order by 1, 2`;

/** Runs one statement as a role, in the given tenant's transaction or without any, and undoes it. */
async function attempt(role: ProcessRole, tenant: SeededTenant | null, sql: string, values: unknown[] = []) {
  const client = clients.get(role) as pg.Client;
  await client.query('begin');
  try {
    await client.query("select set_config('app.tenant_id', $1, true)", [tenant?.tenantId ?? '']);
    return { rowCount: (await client.query(sql, values)).rowCount, code: '' };
  } catch (error) {
    return { rowCount: 0, code: (error as { code: string }).code };
  } finally {
    await client.query('rollback');
  }
}

const nothing = [
  { rowCount: 0, code: '' },
  { rowCount: 0, code: refused },
];

/** Tries something on every tenant table, and returns what was neither refused nor without effect. */
async function leaks(role: ProcessRole, tryOn: (table: Table) => Promise<{ rowCount: number | null; code: string }>) {
  const found: unknown[] = [];
  for (const table of tables) {
    const outcome = await tryOn(table);
    if (!nothing.some((one) => one.rowCount === outcome.rowCount && one.code === outcome.code)) {
      found.push({ role, table: table.name, ...outcome });
    }
  }
  return found;
}

async function rowOf(table: Table, tenant: SeededTenant): Promise<Record<string, unknown> | undefined> {
  const sql = `select to_jsonb(t) as row from ${table.name} t where ${table.tenantColumn} = $1 limit 1`;
  return (await owner.query(sql, [tenant.tenantId])).rows[0]?.row;
}

const insertSql = (table: Table, row: Record<string, unknown>) => {
  const columns = table.columns.filter((column) => column in row).join(', ');
  return `insert into ${table.name} (${columns}) overriding system value
    select ${columns} from jsonb_populate_record(null::${table.name}, $1)`;
};

/** Runs `work` while the tenant's rows are away from one table, so that no unique key stands in the way of an insert. */
async function without<T>(table: Table, tenant: SeededTenant, work: () => Promise<T>): Promise<T> {
  const away = `set session_replication_role = replica; create temp table kept as select * from ${table.name}
    where ${table.tenantColumn} = '${tenant.tenantId}'; delete from ${table.name} where ${table.tenantColumn} = '${tenant.tenantId}'`;
  const back = `insert into ${table.name} overriding system value select * from kept; drop table kept;
    set session_replication_role = origin`;
  await owner.query(away);
  return work().finally(() => owner.query(back));
}

describe('the catalog', () => {
  it('has no table that is neither a tenant table nor on the list of those without a tenant', async () => {
    const sql = `select format('%s.%s', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema') order by 1`;
    const all = (await owner.query<{ name: string }>(sql)).rows.map((row) => row.name);
    const others = all.filter((name) => !tables.some((table) => table.name === name));
    expect(others.map((name) => name.replace(/_\d{8}$/, ''))).toEqual(expect.arrayContaining(withoutTenant));
    expect([...new Set(others.map((name) => name.replace(/queue_stats_.*$/, 'queue_stats')))]).toEqual(withoutTenant);
  });

  it('forces row-level security on every tenant table and every partition', () => {
    expect(tables.filter((table) => !table.isForced)).toEqual([]);
    expect(tables.length).toBeGreaterThan(20);
  });

  it('has every foreign key between tenant tables carry the tenant, because such checks bypass row-level security', () => {
    const names = new Set(tables.map((table) => table.name.replace('public.', '')));
    const between = foreignKeys.filter((key) => names.has(key.table) && names.has(key.to));
    const bad = between.filter((key) => {
      const expected = key.to === 'tenants' ? 'id' : 'tenant_id';
      return key.columns[0] !== 'tenant_id' || key.toColumns[0] !== expected;
    });
    expect(bad).toEqual([]);
    expect(between.length).toBeGreaterThan(20);
  });

  it('has process roles that own nothing, bypass nothing and are members of nothing', async () => {
    const roles = Object.values(processRoles);
    const sql = `select rolname from pg_roles r where rolname = any ($1) and (rolsuper or rolbypassrls or rolcreaterole
      or rolcreatedb or exists (select from pg_auth_members where member = r.oid)
      or exists (select from pg_shdepend where refobjid = r.oid and deptype = 'o'))`;
    expect((await owner.query(sql, [roles])).rows).toEqual([]);
    const logins = await owner.query('select rolname from pg_roles where rolname = any ($1) and rolcanlogin', [roles]);
    expect(logins.rowCount).toBe(roles.length);
  });

  it('has rows of both tenants in every tenant table, else the tests below would prove nothing', async () => {
    for (const table of tables.filter(({ name }) => !/_(default|\d{8})$/.test(name))) {
      expect(await rowOf(table, mine), table.name).toBeDefined();
      expect(await rowOf(table, theirs), table.name).toBeDefined();
    }
  });
});

describe.each(Object.values(processRoles))('%s', (role) => {
  it("reads its own tenant's rows, so that reading nothing means something", async () => {
    let readable = 0;
    for (const table of tables) {
      const sql = `select 1 from ${table.name} where ${table.tenantColumn} = $1`;
      readable += (await attempt(role, mine, sql, [mine.tenantId])).rowCount ?? 0;
    }
    expect(readable).toBeGreaterThan(5);
  });

  it("cannot select another tenant's row", async () => {
    const tryOn = (table: Table) =>
      attempt(role, mine, `select 1 from ${table.name} where ${table.tenantColumn} = $1`, [theirs.tenantId]);
    expect(await leaks(role, tryOn)).toEqual([]);
  });

  it('cannot select any row without a tenant', async () => {
    expect(await leaks(role, (table) => attempt(role, null, `select 1 from ${table.name}`))).toEqual([]);
  });

  it('cannot insert a row for another tenant, with its own or with no tenant set', async () => {
    for (const tenant of [mine, null]) {
      const tryOn = async (table: Table) => {
        const row = await rowOf(table, theirs);
        return row ? attempt(role, tenant, insertSql(table, row), [row]) : { rowCount: 0, code: '' };
      };
      expect(await leaks(role, tryOn)).toEqual([]);
    }
  });

  it("cannot update another tenant's row in any column, nor give it a row of its own", async () => {
    for (const table of tables) {
      for (const column of table.columns) {
        const sql = `update ${table.name} set ${column} = default`; // also identity columns take that
        const theirRow = ` where ${table.tenantColumn} = '${theirs.tenantId}'`;
        expect(nothing, `${table.name}.${column}`).toContainEqual(await attempt(role, mine, sql + theirRow));
        expect(nothing, `${table.name}.${column}`).toContainEqual(await attempt(role, null, sql));
      }
    }
    const give = (table: Table) =>
      attempt(role, mine, `update ${table.name} set ${table.tenantColumn} = $1`, [theirs.tenantId]);
    expect(await leaks(role, give)).toEqual([]);
  });

  it("cannot delete another tenant's row, nor any without a tenant", async () => {
    const other = (table: Table) =>
      attempt(role, mine, `delete from ${table.name} where ${table.tenantColumn} = $1`, [theirs.tenantId]);
    expect(await leaks(role, other)).toEqual([]);
    expect(await leaks(role, (table) => attempt(role, null, `delete from ${table.name}`))).toEqual([]);
  });

  it("cannot make a row of its own that refers to another tenant's", async () => {
    const wrong: unknown[] = [];
    for (const key of foreignKeys) {
      const table = tables.find(({ name }) => name === `public.${key.table}`);
      const row = table && (await rowOf(table, mine));
      const their = table && (await rowOf(table, theirs));
      const foreign = key.columns.filter((column) => column !== 'tenant_id');
      if (!row || !their || key.to === 'tenants' || !key.columns.includes('tenant_id')) continue;
      const referring = {
        ...row,
        ...Object.fromEntries(foreign.map((column) => [column, their[column] ?? foreignId(column)])),
      };
      const { code } = await without(table, mine, () => attempt(role, mine, insertSql(table, referring), [referring]));
      if (code !== refused && code !== foreignKeyViolation) wrong.push({ key, code });
    }
    expect(wrong).toEqual([]);
  });
});

/** The value a foreign key would have for the other tenant where its seeded row leaves it empty. */
function foreignId(column: string): string {
  return column === 'repository_id' ? theirs.repositoryId : theirs.revisionId;
}

it('refuses a foreign key into another tenant even to the owner, whom no policy stops', async () => {
  for (const key of foreignKeys) {
    const table = tables.find(({ name }) => name === `public.${key.table}`);
    if (!table || key.to === 'tenants' || !key.columns.includes('tenant_id')) continue;
    const their = (await rowOf(table, theirs)) ?? {};
    for (const column of key.columns.filter((name) => name !== 'tenant_id')) {
      const sql = `update ${table.name} set ${column} = $1 where tenant_id = $2`;
      await owner.query('begin');
      const failure = await owner
        .query(sql, [their[column] ?? foreignId(column), mine.tenantId])
        .catch((error) => error);
      await owner.query('rollback');
      expect(failure, `${key.table}.${column}`).toMatchObject({ code: foreignKeyViolation });
    }
  }
});
