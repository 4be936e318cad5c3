import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Harness } from '../testing/harness';

type Event = { id: string; at: string; action: string; target: string; actor: { name: string }; details: object };

let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  acme = await seedTenant(api.test.url('owner'), 'acme');
  headers = await api.signIn(acme.userId);
});
afterAll(() => api.close());

const put = (name: string) =>
  api.send('PUT', `/v1/tenants/acme/variables/build/${name}`, { headers, body: { value: 'x' } });
async function list(query = ''): Promise<{ events: Event[]; nextCursor: string | null }> {
  const reply = await api.send('GET', `/v1/tenants/acme/audit${query}`, { headers });
  expect([reply.status, reply.text]).toEqual([200, expect.any(String)]);
  return reply.json() as { events: Event[]; nextCursor: string | null };
}

it('is read newest first, page by page, without a gap or a repetition', async () => {
  for (const name of ['A', 'B', 'C']) await put(name);
  const first = await list('?limit=2');
  expect(first.events.map(({ target }) => target)).toEqual(['variable/build/C', 'variable/build/B']);
  await put('LATER');
  const second = await list(`?limit=2&cursor=${first.nextCursor}`);
  expect(second.events.map(({ action, target }) => `${action} ${target}`)).toEqual([
    'variable.set variable/build/A',
    'seed.made x',
  ]);
  expect(second.nextCursor).toBeNull();
});

it('is filtered by who, by what and by when', async () => {
  await put('FILTERED');
  const actions = async (query: string) => [...new Set((await list(query)).events.map(({ action }) => action))];
  expect(await actions('?action=variable')).toEqual(['variable.set']);
  expect(await actions('?action=variable.set')).toEqual(['variable.set']);
  expect(await actions('?action=var')).toEqual([]);
  expect(await actions(`?actor=${acme.userId}`)).toEqual(['variable.set']);
  expect(await actions('?actor=nobody')).toEqual([]);
  const { events } = await list('?limit=1');
  const instant = events[0]!.at;
  expect((await list(`?from=${instant}&limit=1`)).events.map(({ id }) => id)).toEqual([events[0]!.id]);
  expect((await list(`?to=${instant}`)).events.map(({ id }) => id)).not.toContain(events[0]!.id);
  for (const bad of ['?from=yesterday', '?action=%27--', '?cursor=x', '?limit=0']) {
    expect((await api.send('GET', `/v1/tenants/acme/audit${bad}`, { headers })).status).toBe(400);
  }
});

it('is exported whole, oldest first, as lines of JSON and as CSV that no spreadsheet runs', async () => {
  await api.owner(
    `insert into audit_log (tenant_id, actor_kind, actor_name, action, target)
     select $1, 'user', '=cmd()', 'many.made', n::text from generate_series(1, 2500) n`,
    [acme.tenantId],
  );
  const get = (format: string) =>
    api.send('GET', `/v1/tenants/acme/audit/export?action=many&format=${format}`, { headers });
  const ndjson = await get('ndjson');
  expect(ndjson.headers).toMatchObject({
    'content-type': 'application/x-ndjson',
    'content-disposition': 'attachment; filename="audit-acme.ndjson"',
  });
  const lines = ndjson.text.trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as Event).target)).toEqual(
    Array.from({ length: 2500 }, (_, index) => String(index + 1)),
  );
  const csv = (await get('csv')).text.trimEnd().split('\r\n');
  expect(csv).toHaveLength(2501);
  expect(csv[1]).toContain(`"'=cmd()"`);
});

it('can be changed by nobody, not even by the owner of the tables', async () => {
  await api.owner(
    `insert into platform_audit_log (actor_kind, actor_name, action, target) values ('user', 'Ada', 'x.y', 'z')`,
  );
  for (const log of ['audit_log', 'platform_audit_log']) {
    for (const sql of [`update ${log} set action = 'x'`, `delete from ${log}`, `truncate ${log}`]) {
      await expect(api.owner(sql)).rejects.toThrow(`rows of ${log} are never changed or removed`);
    }
  }
  const platforms = ['update platform_audit_log set action = null', 'delete from platform_audit_log'];
  for (const sql of ['update audit_log set action = null', 'delete from audit_log', ...platforms]) {
    const attempt = api.database.tenant(acme.tenantId, (tx) => tx.$executeRawUnsafe(sql));
    await expect(attempt).rejects.toThrow(/permission denied|42501/);
  }
});

it("is the platform's own, for operators, of what is no tenant's or outlives it", async () => {
  await api.owner('update users set is_operator = true where id = $1', [acme.userId]);
  const send = (path: string, body: object) => api.send('POST', path, { headers, body });
  expect((await send('/v1/tenants', { slug: 'shortlived', name: 'Short' })).status).toBe(201);
  expect((await send('/v1/platform/tenants/shortlived/suspend', { reason: 'unpaid' })).status).toBe(200);
  expect((await send('/v1/platform/tenants/shortlived/delete', { slug: 'shortlived' })).status).toBe(202);
  const get = (query: string) => api.send('GET', `/v1/platform/audit${query}`, { headers });
  const first = (await get('?limit=2&action=tenant')).json() as { events: Event[]; nextCursor: string };
  expect(first.events).toMatchObject([
    { action: 'tenant.delete', target: 'tenant/shortlived', actor: { id: acme.userId } },
    { action: 'tenant.suspend', target: 'tenant/shortlived', details: { reason: 'unpaid' } },
  ]);
  const rest = (await get(`?action=tenant&cursor=${first.nextCursor}`)).json() as { events: Event[] };
  expect(rest.events.map(({ action }) => action)).toEqual(['tenant.create']);
  const file = await get('/export?format=csv&action=tenant');
  expect(file.headers['content-disposition']).toBe('attachment; filename="audit-of-the-platform.csv"');
  expect(file.text.trimEnd().split('\r\n')).toHaveLength(4);
  const { events } = await list('?action=tenant');
  expect(events).toEqual([]);
  await api.owner('update users set is_operator = false where id = $1', [acme.userId]);
  expect((await get('')).status).toBe(403);
});
