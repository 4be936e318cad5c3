import { createTestDatabase, type SeededTenant, seedTenant, type TestDatabase } from '@wherry/testing';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../database';
import { crossingMethods } from '../scopes';
import { processRoles } from '../server/prepare';
import { withClient } from '../with-client';
import type { PreparedCase, StoreCases } from './cases';

/** Functions that the libraries of stores export beside their classes: they touch no database. */
const pureFunctions = ['usageOf'];

const processes = Object.keys(processRoles) as (keyof typeof processRoles)[];
const folderOf = (name: string) => join(import.meta.dirname, '../stores', name);

type Exported = { name: string; methods: string[]; prototype: Record<string, () => unknown> };
const stores: Exported[] = [];
const found: { process: (typeof processes)[number]; cases: StoreCases }[] = [];
const strayFunctions: string[] = [];

for (const name of processes) {
  const exported: Record<string, unknown> = await import(join(folderOf(name), 'index.ts'));
  for (const value of Object.values(exported)) {
    if (typeof value !== 'function' || value.prototype instanceof Error) continue;
    const methods = Object.getOwnPropertyNames(value.prototype ?? {}).filter((method) => method !== 'constructor');
    if (methods.length > 0) stores.push({ name: value.name, methods, prototype: value.prototype });
    else if (!pureFunctions.includes(value.name)) strayFunctions.push(`${name}: ${value.name}`);
  }
  for (const file of readdirSync(folderOf(name)).filter((entry) => entry.endsWith('.cases.ts'))) {
    const module: { crossTenantCases: StoreCases[] } = await import(join(folderOf(name), file));
    found.push(...module.crossTenantCases.map((cases) => ({ process: name, cases })));
  }
}

describe('the stores', () => {
  const all = stores.flatMap(({ name, methods }) => methods.map((method) => `${name}.${method}`));
  const tried = found.flatMap(({ cases }) => Object.keys(cases.cases).map((method) => `${cases.name}.${method}`));

  it('have no method without a cross-tenant case that is not on the list of those that cross tenants', () => {
    expect(all.filter((method) => !tried.includes(method) && !(method in crossingMethods))).toEqual([]);
    expect(all.length).toBeGreaterThan(40);
  });

  it('have no method that is on both lists, and neither list names one that is gone', () => {
    expect(tried.filter((method) => method in crossingMethods)).toEqual([]);
    expect([...tried, ...Object.keys(crossingMethods)].filter((method) => !all.includes(method))).toEqual([]);
  });

  it('cross tenants in the scope that the list names for the method, and in no other', () => {
    const wrong = Object.entries(crossingMethods).flatMap(([name, scope]) => {
      const [store, method = ''] = name.split('.');
      const used = scopesOf(stores.find((one) => one.name === store)?.prototype ?? {}, method);
      return [...used].join() === (scope ?? '') ? [] : [{ name, scope, used: [...used] }];
    });
    expect(wrong).toEqual([]);
  });

  it('are classes: nothing else of theirs that touches the database is exported', () => {
    expect(strayFunctions).toEqual([]);
  });
});

/** The scopes named in the text of a method and of the methods of its class that it calls. */
function scopesOf(prototype: Exported['prototype'], method: string, seen = new Set<string>()): Set<string> {
  const text = String(prototype[method]);
  seen.add(method);
  const scopes = new Set([...text.matchAll(/\.cross\(\s*["'](\w+)["']/g)].map((match) => match[1] as string));
  for (const [, called = ''] of text.matchAll(/this\.(\w+)\(/g)) {
    if (called in prototype && !seen.has(called)) scopesOf(prototype, called, seen).forEach((one) => scopes.add(one));
  }
  return scopes;
}

let server: TestDatabase;
let mine: SeededTenant;
let seeded = 0;
const databases = new Map<string, Database>();

beforeAll(async () => {
  server = await createTestDatabase();
  mine = await seedTenant(server.url('owner'), 'mine');
  for (const name of processes) {
    const url = server.url(processRoles[name]);
    databases.set(name, await Database.open({ url, applicationName: name, poolSize: 1 }));
  }
});

afterAll(async () => {
  for (const database of databases.values()) await database.close();
  await server.close();
});

/** A database that refuses to do anything but one tenant's transactions. */
function ofOneTenant(database: Database, tenantId: string): Database {
  const only = (used: string, work: Parameters<Database['tenant']>[1]) => {
    if (used !== tenantId) throw new Error(`It was given ${tenantId} and opened a transaction of ${used}.`);
    return database.tenant(used, work);
  };
  return { tenant: only } as unknown as Database;
}

/** A digest of every row of one tenant. */
async function stateOf(client: pg.Client, tenantId: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>(`select c.relname as name from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace order by 1`);
  const digest = rows.map(
    ({ name }) => `select '${name}' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as digest
      from ${name} t where tenant_id = '${tenantId}'`,
  );
  return JSON.stringify((await client.query(digest.join(' union all '))).rows);
}

type Outcome = { result: string; failure: unknown; hasChanged: boolean };

const shown = (value: unknown) =>
  inspect(value, { depth: 20, maxArrayLength: 1000, maxStringLength: 100_000, breakLength: Infinity });

/** Prepares one call of a store's method; the result is that call, to be made as one tenant or another. */
function run(one: PreparedCase<unknown>, on: { open: StoreCases['open']; process: string }, theirs: SeededTenant) {
  return async (tenantId: string): Promise<Outcome> =>
    withClient(server.url('owner'), 'test', async (client) => {
      const before = await stateOf(client, theirs.tenantId);
      const store = on.open(ofOneTenant(databases.get(on.process) as Database, tenantId));
      const outcome = await one.attempt({ store, tenantId, theirs }).then(
        (value) => ({ result: shown(value), failure: null }),
        (failure: unknown) => ({ result: '', failure }),
      );
      return { ...outcome, hasChanged: (await stateOf(client, theirs.tenantId)) !== before };
    });
}

describe.each(found)('$process: $cases.name', ({ process, cases }) => {
  it.each(Object.keys(cases.cases))('%s', async (method) => {
    const one = cases.cases[method] as unknown as PreparedCase<unknown>;
    const theirs = await seedTenant(server.url('owner'), `theirs${seeded++}`);
    if (one.given) {
      await withClient(server.url('owner'), 'test', async (client) => {
        for (const sql of one.given.split(';')) await client.query(sql.replaceAll('$1', `'${theirs.tenantId}'`));
      });
    }
    const attempt = run(one, { open: cases.open, process }, theirs);
    const crossing = await attempt(mine.tenantId);
    expect(crossing, 'what the other tenant got').toMatchObject({ hasChanged: false });
    expect(crossing.result).not.toContain(`private-${theirs.slug}`);
    const own = await attempt(theirs.tenantId);
    expect(own.failure, 'the owner of the rows could not do it either').toBeNull();
    expect(own, 'the owner of the rows got the same').not.toEqual(crossing);
  });
});
