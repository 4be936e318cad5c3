import { randomUUID } from 'node:crypto';
import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Harness } from '../testing/harness';

let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;
/** Of the tenant, the newest first; their bodies are their ids. */
const ids = Array.from({ length: 7 }, () => randomUUID());
const unclaimed = randomUUID();

beforeAll(async () => {
  api = await startApi();
  acme = await seedTenant(api.test.url('owner'), 'acme');
  await api.owner('update users set is_operator = true where id = $1', [acme.userId]);
  await api.owner('delete from github_deliveries');
  headers = await api.signIn(acme.userId);
  const insert = (id: string, age: number, tenant: string | null, status: string) =>
    api.owner(
      `insert into github_deliveries (id, event, action, body, received_at, status, outcome, tenant_id, repository_id)
       values ($1, $2, 'opened', $3, now() - $4 * interval '1 minute', $5, 'Nothing to do.', $6, 'rep_acme')`,
      [id, age % 2 === 0 ? 'push' : 'pull_request', Buffer.from(`{"id":"${id}"}`), Math.min(age, 4), status, tenant],
    );
  for (const [age, id] of ids.entries()) await insert(id, age, acme.tenantId, age === 3 ? 'failed' : 'done');
  await insert(unclaimed, 0, null, 'ignored');
});
afterAll(() => api.close());

type Delivery = { id: string; status: string; canReplay: boolean };
type Page = { deliveries: Delivery[]; nextCursor: string | null };
const list = async (query = '', at = '/v1/tenants/acme/deliveries') =>
  (await api.send('GET', `${at}${query}`, { headers })).json() as Page;
const replay = (id: string, at = '/v1/tenants/acme/deliveries') =>
  api.send('POST', `${at}/${id}/replay`, { headers, body: {} });
const jobs = async (id: string) =>
  (await api.owner("select 1 from pgboss.job where name = 'delivery' and data ->> 'deliveryId' = $1", [id])).length;

it('lists every webhook of the tenant exactly once over its pages, newest first, also those of one moment', async () => {
  const found: Delivery[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await list(`?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(page.deliveries.length).toBeLessThanOrEqual(2);
    found.push(...page.deliveries);
    cursor = page.nextCursor;
  }
  expect(found.slice(0, 4).map(({ id }) => id)).toEqual(ids.slice(0, 4));
  expect(found.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(found[0]).toMatchObject({ action: 'opened', repository: 'repo-acme', outcome: 'Nothing to do.' });
});

it('filters by status and by event', async () => {
  expect((await list('?status=failed')).deliveries.map(({ id }) => id)).toEqual([ids[3]]);
  expect((await list('?event=push')).deliveries).toHaveLength(4);
  expect((await list('?status=failed&event=push')).deliveries).toEqual([]);
});

it('shows what GitHub sent, and of a large webhook its beginning', async () => {
  const show = async (id: string) => (await api.send('GET', `/v1/tenants/acme/deliveries/${id}`, { headers })).json();
  expect(await show(ids[0]!)).toMatchObject({ payload: `{"id":"${ids[0]}"}`, payloadBytes: 45, canReplay: true });
  await api.owner('update github_deliveries set body = $1 where id = $2', [Buffer.alloc(300_000, 'x'), ids[1]]);
  expect(await show(ids[1]!)).toMatchObject({ payload: 'x'.repeat(262_144), payloadBytes: 300_000 });
});

it('has one handled again from the beginning, as often as asked', async () => {
  for (let times = 1; times <= 2; times++) {
    await api.owner("update github_deliveries set status = 'failed', attempts = 5, handled_at = now() where id = $1", [
      ids[3],
    ]);
    const reply = await replay(ids[3]!);
    expect([reply.status, reply.json()]).toMatchObject([
      202,
      { status: 'received', outcome: null, attempts: 0, handledAt: null },
    ]);
    expect(await jobs(ids[3]!)).toBe(times);
  }
});

it('does not pretend to repeat a webhook whose content was removed', async () => {
  await api.owner('update github_deliveries set body = null where id = $1', [ids[5]]);
  const reply = await replay(ids[5]!);
  expect([reply.status, reply.json()]).toMatchObject([409, { type: 'urn:wherry:problem:delivery.too_old' }]);
  expect(await jobs(ids[5]!)).toBe(0);
  expect((await list()).deliveries.find(({ id }) => id === ids[5])).toMatchObject({ status: 'done', canReplay: false });
});

it('shows operators what belongs to no tenant, and nothing that does', async () => {
  const at = '/v1/github/deliveries';
  expect((await list('', at)).deliveries.map(({ id }) => id)).toEqual([unclaimed]);
  expect((await replay(unclaimed, at)).status).toBe(202);
  expect(await jobs(unclaimed)).toBe(1);
  expect((await replay(ids[0]!, at)).status).toBe(404);
  expect((await replay(unclaimed)).status).toBe(404);
});
