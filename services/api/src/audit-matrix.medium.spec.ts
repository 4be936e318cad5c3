import { operations, type Operation, type OperationId } from '@wherry/contract/api';
import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { publishWorkerKey } from './testing/github-app';
import { publishSealingKey, startApi, type Harness, type Reply } from './testing/harness';
import { cases, pathOf } from './testing/operation-cases';

const changing = (Object.entries(operations) as [OperationId, Operation][]).filter(
  ([, { method }]) => method !== 'GET',
);
const audited = changing.filter(([id]) => cases[id]?.unaudited === undefined);

let api: Harness;

beforeAll(async () => {
  api = await startApi();
  await seedTenant(api.test.url('owner'), 'first'); // brings a sealing key of its own, which is not to be the newest
  await publishSealingKey(api);
  await publishWorkerKey(api);
});
afterAll(() => api.close());

/** A tenant on which the operation has something to change; its owner is an operator. */
async function tenantFor(id: OperationId, name: string): Promise<SeededTenant> {
  const seeded = await seedTenant(api.test.url('owner'), name);
  await api.owner('update repository_refs set ref = $1 where tenant_id = $2', [seeded.ref, seeded.tenantId]);
  await api.owner('update users set is_operator = true where id = $1', [seeded.userId]);
  for (const sql of (cases[id].changing?.given ?? '').split(';').filter((one) => one.trim() !== '')) {
    await api.owner(sql, sql.includes('$1') ? [seeded.tenantId] : []);
  }
  return seeded;
}

function send(id: OperationId, seeded: SeededTenant, headers: Record<string, string>): Promise<Reply> {
  const body = cases[id].body?.(seeded);
  return api.send(operations[id].method, pathOf(operations[id], seeded), { headers, ...(body ? { body } : {}) });
}

/** What the logs say of one request: the platform's, and those of whichever tenants. */
function rowsOf({ headers }: Reply): Promise<object[]> {
  const columns = 'actor_kind, actor_id, actor_name, action, target, details';
  return api.owner(
    `select 'platform' as log, ${columns} from platform_audit_log where request_id = $1
     union all select 'tenant', ${columns} from audit_log where request_id = $1`,
    [headers['x-request-id']],
  );
}

it.each(audited)('%s adds exactly one row to each audit log it belongs in, with who did it', async (id) => {
  const seeded = await tenantFor(id, `u${id.toLowerCase()}`);
  const reply = await send(id, seeded, await api.signIn(seeded.userId));
  expect([reply.status, reply.text]).toEqual([cases[id].changing?.status ?? cases[id].status, expect.any(String)]);
  expect(reply.status).toBeLessThan(300);
  const actor = { actor_kind: 'user', actor_id: seeded.userId, actor_name: `private-${seeded.slug}` };
  const words = { action: expect.stringMatching(/^[a-z_]+\.[a-z_]+$/), target: expect.stringMatching(/./) };
  const rows = await rowsOf(reply);
  const { log = 'tenant' } = cases[id];
  const logs = log === 'both' ? ['platform', 'tenant'] : [log];
  expect(rows).toEqual(logs.map((each) => ({ log: each, ...actor, ...words, details: expect.any(Object) })));
  expect(JSON.stringify(rows), 'a secret value is never logged').not.toContain('canary');
});

it.each(audited)('%s adds nothing when it is refused', async (id) => {
  const seeded = await tenantFor(id, `n${id.toLowerCase()}`);
  expect(await rowsOf(await send(id, seeded, { cookie: 'wherry_session=made-up', 'sec-fetch-site': 'none' }))).toEqual(
    [],
  );
});

it.each(changing.filter(([id]) => cases[id]?.unaudited !== undefined))('%s is left out for a reason', async (id) => {
  expect(cases[id].unaudited).toMatch(/\.$/);
});

const byToken = audited.filter(([, { auth, tokens }]) => auth.startsWith('tenant:') && tokens !== 'refused');
it.each(byToken)('%s names the token that did it', async (id) => {
  const seeded = await tenantFor(id, `k${id.toLowerCase()}`);
  const reply = await send(id, seeded, await api.token(seeded.tenantId, ['deploy']));
  expect(await rowsOf(reply)).toMatchObject([{ actor_kind: 'token', actor_id: expect.stringMatching(/^tok_/) }]);
});
