import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startApi, type Harness, type Reply } from '../testing/harness';

let api: Harness;
let acme: SeededTenant;
let operator: Record<string, string>;
let count = 0;

beforeAll(async () => {
  api = await startApi();
  const { userId } = await seedTenant(api.test.url('owner'), 'operators');
  await api.owner('update users set is_operator = true where id = $1', [userId]);
  operator = await api.signIn(userId);
});
afterAll(() => api.close());
beforeEach(async () => void (acme = await seedTenant(api.test.url('owner'), `acme${count++}`)));

const change = (what: string, body: object = {}): Promise<Reply> =>
  api.send('POST', `/v1/platform/tenants/${acme.slug}/${what}`, { headers: operator, body });
const rowOf = async () =>
  (await api.owner('select suspended_at, suspended_by from tenants where id = $1', [acme.tenantId]))[0];

it('shuts members and tokens out of a suspended tenant from the next request on, and lets them in again', async () => {
  const member = await api.signIn(acme.userId);
  const token = await api.token(acme.tenantId, ['read']);
  const statuses = () =>
    Promise.all(
      [member, token].map(async (headers) => {
        return (await api.send('GET', `/v1/tenants/${acme.slug}/functions`, { headers })).status;
      }),
    );
  expect(await statuses()).toEqual([200, 200]);
  expect((await change('suspend', { reason: 'unpaid' })).json()).toMatchObject({
    ...{ slug: acme.slug, suspendedBy: 'operator', suspendedAt: expect.any(String) },
  });
  expect(await statuses()).toEqual([404, 401]);
  expect((await change('unsuspend')).json()).toMatchObject({ suspendedBy: null, suspendedAt: null });
  expect(await statuses()).toEqual([200, 200]);
});

it('asks for what is being built or released to be cancelled', async () => {
  await change('suspend');
  expect(
    await api.owner('select 1 from deployments where tenant_id = $1 and cancel_requested_at is null', [acme.tenantId]),
  ).toEqual([]);
});

it('changes nothing and says nothing when it is asked again', async () => {
  await change('suspend');
  const before = await rowOf();
  api.clock.offsetMs = 60_000;
  await change('suspend');
  api.clock.offsetMs = 0;
  expect(await rowOf()).toEqual(before);
  const log = "select 1 from audit_log where tenant_id = $1 and action = 'tenant.suspend'";
  expect(await api.owner(log, [acme.tenantId])).toHaveLength(1);
});

it('takes over what GitHub suspended, which GitHub then cannot undo', async () => {
  await api.owner("update tenants set suspended_at = now(), suspended_by = 'github' where id = $1", [acme.tenantId]);
  expect((await change('suspend')).json()).toMatchObject({ suspendedBy: 'operator' });
});

it('does not know tenants that never were', async () => {
  const reply = await api.send('POST', '/v1/platform/tenants/none/suspend', { headers: operator, body: {} });
  expect([reply.status, reply.json()]).toMatchObject([404, { type: 'urn:wherry:problem:tenant.not_found' }]);
});

it('shows operators all tenants', async () => {
  const { tenants } = (await api.send('GET', '/v1/platform/tenants', { headers: operator })).json() as {
    tenants: object[];
  };
  expect(tenants).toContainEqual(expect.objectContaining({ slug: acme.slug, suspendedAt: null, deletedAt: null }));
});

it('deletes a tenant only when it is suspended and its slug was typed, and says the same when it is asked again', async () => {
  const typed = { slug: acme.slug };
  expect((await change('delete', { slug: 'another' })).status).toBe(400);
  const early = await change('delete', typed);
  expect([early.status, early.json()]).toMatchObject([409, { type: 'urn:wherry:problem:tenant.not_suspended' }]);
  await change('suspend');
  const [first, second] = [await change('delete', typed), await change('delete', typed)];
  expect(first.json()).toMatchObject({ slug: acme.slug, deletedAt: expect.any(String) });
  expect([second.status, second.text]).toEqual([202, first.text]);
  expect((await change('unsuspend')).status).toBe(404);
  const again = { slug: acme.slug, name: 'Again' };
  const taken = await api.send('POST', '/v1/tenants', { headers: operator, body: again });
  expect(taken.json()).toMatchObject({ type: 'urn:wherry:problem:tenant.slug_taken' });
});

it('exports all that it knows of a tenant, and nothing that opens anything or is of another', async () => {
  const reply = await api.send('GET', `/v1/platform/tenants/${acme.slug}/export`, { headers: operator });
  expect(reply.headers).toMatchObject({
    'content-type': 'application/x-ndjson',
    'content-disposition': `attachment; filename="tenant-${acme.slug}.ndjson"`,
  });
  const lines = reply.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { table: string; row: object });
  const tables = ['tenants', 'functions', 'secrets', 'tokens', 'usage_hourly', 'log_chunks', 'audit_log'];
  expect(lines.map(({ table }) => table)).toEqual(expect.arrayContaining(tables));
  expect(reply.text).not.toMatch(/"(sealed|token_hash|password_hash)"/);
  expect(reply.text).not.toContain('private-operators');
  expect((await api.send('GET', '/v1/platform/tenants/none/export', { headers: operator })).status).toBe(404);
});
