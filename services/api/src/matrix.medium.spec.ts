import { operations, type Operation, type OperationId } from '@wherry/contract/api';
import { idsOf, seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishSealingKey, startApi, type Harness, type Reply } from './testing/harness';
import { cases, pathOf, thingsOf } from './testing/operation-cases';

const all = Object.entries(operations) as [OperationId, Operation][];
const ofTenants = all.filter(([, { auth }]) => auth.startsWith('tenant:'));

let api: Harness;
let mine: SeededTenant;
let foreign: SeededTenant;
let cookie: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  mine = await seedTenant(api.test.url('owner'), 'mine');
  foreign = await seedTenant(api.test.url('owner'), 'foreign');
  await api.owner('update users set is_operator = true where id = $1', [mine.userId]);
  cookie = await api.signIn(mine.userId);
  await publishSealingKey(api);
});
afterAll(() => api.close());

function send(id: OperationId, path: string, headers: Record<string, string>, seeded = mine): Promise<Reply> {
  const body = cases[id].body?.(seeded);
  return api.send(operations[id].method, path, { headers, ...(body ? { body } : {}) });
}

/** A problem without what differs from request to request. */
function withoutRequestId({ status, headers, text }: Reply): unknown {
  const requestId = String(headers['x-request-id']);
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  const { date: _, 'x-request-id': __, ...rest } = headers;
  return { status, headers: rest, text: text.replace(requestId, '') };
}

/**
 * A reply without what differs from request to request and without the names of the things that were asked for; the
 * length that it announces is told as its distance from the true one.
 */
function withoutIds(reply: Reply, seeded: SeededTenant): unknown {
  const length = Number(reply.headers['content-length']) - Buffer.byteLength(reply.text);
  const hidden = Object.values(thingsOf(seeded)).reduce((text, id) => text.replaceAll(id, '<id>'), reply.text);
  const { 'content-length': _, ...headers } = reply.headers;
  return { length, reply: withoutRequestId({ ...reply, headers, text: hidden }) };
}

describe('every operation', () => {
  const closed = all.filter(([, { auth }]) => auth !== 'public');
  it.each(closed)('%s is closed to whoever is not signed in', async (id, operation) => {
    const reply = await send(id, pathOf(operation, mine), {});
    expect(reply.status).toBe(401);
    expect(reply.json()).toMatchObject({ type: 'urn:wherry:problem:request.unauthenticated', status: 401 });
    const forged = await send(id, pathOf(operation, mine), { ...cookie, cookie: 'wherry_session=made-up' });
    expect(withoutRequestId(forged)).toEqual(withoutRequestId(reply));
  });

  it.each(closed)('%s is closed to tokens that do not exist', async (id, operation) => {
    const reply = await send(id, pathOf(operation, mine), { authorization: 'Bearer wherry_made-up' });
    expect(reply.status).toBe(401);
  });

  it.each(ofTenants)("%s answers another tenant's login exactly as for a tenant that is not", async (id, operation) => {
    const theirs = await send(id, pathOf(operation, foreign), cookie, foreign);
    const missing = await send(id, pathOf(operation, foreign, 'no-such-tenant'), cookie, foreign);
    expect(theirs.status).toBe(404);
    expect(withoutRequestId(theirs)).toEqual(withoutRequestId(missing));
  });

  it.each(ofTenants)("%s answers another tenant's token exactly as for a tenant that is not", async (id, operation) => {
    const token = await api.token(mine.tenantId, ['read', 'deploy']);
    const theirs = await send(id, pathOf(operation, foreign), token, foreign);
    const missing = await send(id, pathOf(operation, foreign, 'no-such-tenant'), token, foreign);
    expect(theirs.status).toBe(404);
    expect(withoutRequestId(theirs)).toEqual(withoutRequestId(missing));
  });

  // Within one's own tenant, what belongs to another tenant is as missing as what never was.
  const ofThings = ofTenants.filter(([, { params }]) => Object.keys(params?.shape ?? {}).length > 1);
  const making = ['putSecret', 'putVariable'];
  it.each(ofThings.filter(([id]) => !making.includes(id)))(
    "%s answers for another tenant's things in one's own tenant exactly as for things that are not",
    async (id, operation) => {
      const absent = idsOf('missing');
      const theirs = await send(id, pathOf(operation, foreign, mine.slug), cookie, foreign);
      const missing = await send(id, pathOf(operation, absent, mine.slug), cookie, absent);
      expect(theirs.status).toBe(404);
      expect(theirs.text).not.toContain('private-');
      expect(withoutIds(theirs, foreign)).toEqual(withoutIds(missing, absent));
    },
  );

  // These make what is not there, in one's own tenant: a name that another tenant has is as free as any.
  it.each(ofThings.filter(([id]) => making.includes(id)))(
    '%s takes a name that another tenant has exactly as one that nobody has, and leaves theirs as it is',
    async (id, operation) => {
      const absent = idsOf('missing');
      const own = await freshTenant(`m${id.toLowerCase()}`);
      const headers = await api.signIn(own.userId);
      const untimed = (reply: Reply) => ({ ...reply, text: reply.text.replaceAll(/\d{4}-[\d-]+T[\d:.]+Z/g, '<time>') });
      const kept = () =>
        api.owner(
          `select sealed::text, version::text from secrets where tenant_id = $1
            union all select value, kind from variables where tenant_id = $1 order by 1`,
          [foreign.tenantId],
        );
      const before = await kept();
      const theirs = await send(id, pathOf(operation, foreign, own.slug), headers, foreign);
      const missing = await send(id, pathOf(operation, absent, own.slug), headers, absent);
      expect(theirs.status).toBe(cases[id].status);
      expect(withoutIds(untimed(theirs), foreign)).toEqual(withoutIds(untimed(missing), absent));
      expect(await kept()).toEqual(before);
    },
  );

  it.each(all.filter(([, { body }]) => body !== undefined))(
    '%s refuses a body that is not as it should be',
    async (id, operation) => {
      const path = pathOf(operation, mine);
      const unknown = await api.send(operation.method, path, { headers: cookie, body: { surprise: true } });
      expect(unknown.status).toBe(400);
      expect(unknown.json()).toMatchObject({
        errors: expect.arrayContaining([{ pointer: expect.any(String), detail: expect.any(String) }]),
      });
      for (const raw of ['{', '[]', 'null', '"text"', '\u0000']) {
        expect((await api.send(operation.method, path, { headers: cookie, raw })).status).toBe(400);
      }
      const form = { ...cookie, 'content-type': 'application/x-www-form-urlencoded' };
      expect((await api.send(operation.method, path, { headers: form, raw: 'value=x' })).status).toBe(400);
      expect(
        (await api.send(operation.method, path, { headers: cookie, raw: `"${'x'.repeat(1_048_576)}"` })).status,
      ).toBe(413);
      expect(cases[id].body, 'has a body in its case').toBeDefined();
    },
  );

  it.each(all)('%s refuses a query parameter that it does not know', async (id, operation) => {
    const reply = await send(id, `${pathOf(operation, mine)}?surprise=1`, cookie);
    expect(reply.status).toBe(400);
  });
});

describe('changes', () => {
  const changing = all.filter(([, { method }]) => method !== 'GET');
  it.each(changing)('%s is refused to pages of other origins', async (id, operation) => {
    const { cookie: value = '' } = cookie;
    const path = pathOf(operation, mine);
    const from = (headers: Record<string, string>) => send(id, path, { cookie: value, ...headers });
    expect((await from({ origin: 'http://evil.test' })).status).toBe(403);
    expect((await from({ origin: `http://acme.localhost:${api.port}` })).status).toBe(403);
    expect((await from({ origin: 'null' })).status).toBe(403);
    expect((await from({ 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect((await from({ authorization: 'Basic eDp5' })).status).toBe(403);
    expect((await from({})).status).toBe(403);
  });
});

describe('roles', () => {
  const ranks = ['billing', 'viewer', 'developer', 'owner'];
  it.each(ofTenants)('%s asks for its role and no more', async (id, operation) => {
    const needed = ranks.indexOf(operation.auth.slice('tenant:'.length));
    for (const [rank, role] of ranks.entries()) {
      // Of its own: what a role before this one was allowed to do may have used the things up.
      const seeded = await freshTenant(`r${rank}${id.toLowerCase()}`);
      await api.owner('update memberships set role = $1 where tenant_id = $2', [role, seeded.tenantId]);
      const status = await statusOf(id, pathOf(operation, seeded), await api.signIn(seeded.userId), seeded);
      expect([role, status]).toEqual([role, rank < needed ? 403 : cases[id].status]);
    }
  });

  it.each(ofTenants)('%s asks of a token the scope of its kind', async (id, operation) => {
    const seeded = await freshTenant(`t${id.toLowerCase()}`);
    const path = pathOf(operation, seeded);
    const right = operation.method === 'GET' ? 'read' : 'deploy';
    const wrong = ['read', 'deploy', 'git:read', 'git:push'].filter((scope) => scope !== right);
    expect(await statusOf(id, path, await api.token(seeded.tenantId, wrong), seeded)).toBe(403);
    const expected = operation.tokens === 'refused' ? 403 : cases[id].status;
    expect(await statusOf(id, path, await api.token(seeded.tenantId, [right]), seeded)).toBe(expected);
  });

  it.each(all.filter(([, { auth }]) => auth === 'operator'))('%s is for operators only', async (id, operation) => {
    const headers = await api.signIn(foreign.userId);
    expect(await statusOf(id, pathOf(operation, foreign), headers, foreign)).toBe(403);
    const seeded = await freshTenant(`o${id.toLowerCase()}`);
    expect(await statusOf(id, pathOf(operation, seeded), cookie, seeded)).toBe(cases[id].status);
  });
});

async function freshTenant(name: string): Promise<SeededTenant> {
  const seeded = await seedTenant(api.test.url('owner'), name);
  // So that the production branch exists, which the seed leaves to its reader.
  await api.owner('update repository_refs set ref = $1 where tenant_id = $2', [seeded.ref, seeded.tenantId]);
  return seeded;
}

/** The status alone: streams are left as soon as they have begun. */
async function statusOf(
  id: OperationId,
  path: string,
  headers: Record<string, string>,
  seeded: SeededTenant,
): Promise<number> {
  if (operations[id].response.kind !== 'events') return (await send(id, path, headers, seeded)).status;
  const stream = await api.stream(path, headers);
  stream.close();
  return stream.status;
}
