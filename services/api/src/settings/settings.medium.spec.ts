import { open } from '@wherry/sealing';
import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { publishSealingKey, sha256, startApi, type Harness } from '../testing/harness';

let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  acme = await seedTenant(api.test.url('owner'), 'acme');
  headers = await api.signIn(acme.userId);
});
afterAll(() => api.close());

const put = (path: string, value: string) => api.send('PUT', `/v1/tenants/acme/${path}`, { headers, body: { value } });
const list = async (what: string) => (await api.send('GET', `/v1/tenants/acme/${what}`, { headers })).json();

it('seals each version of a secret so that only the holder of the key can open it, for its place only', async () => {
  const pair = await publishSealingKey(api);
  for (const [version, value] of ['canary-one', 'canary-two ✓'].entries()) {
    const reply = await put('secrets/api-key', value);
    expect([reply.status, reply.json()]).toMatchObject([200, { name: 'api-key', version: version + 1 }]);
    expect(reply.text).not.toContain('canary');
    const [row] = await api.owner<{ key_id: string; sealed: Buffer }>("select * from secrets where name = 'api-key'");
    const sealed = { keyId: row!.key_id, sealed: row!.sealed };
    const place = { tenantId: acme.tenantId, environmentId: acme.environmentId, name: 'api-key', version: version + 1 };
    expect(Buffer.from(await open([pair], sealed, place)).toString()).toBe(value);
    expect(row!.sealed.includes(Buffer.from('canary'))).toBe(false);
  }
  expect(JSON.stringify(await list('secrets'))).not.toContain('canary');
});

it('numbers the versions of writers at once without a gap, each sealed for its own', async () => {
  const pair = await publishSealingKey(api);
  const replies = await Promise.all(['a', 'b', 'c', 'd'].map((value) => put('secrets/raced', value)));
  const versions = replies.map((reply) => (reply.json() as { version: number }).version);
  expect(versions.sort()).toEqual([1, 2, 3, 4]);
  const [row] = await api.owner<{ key_id: string; sealed: Buffer; version: number }>(
    "select * from secrets where name = 'raced'",
  );
  const place = { tenantId: acme.tenantId, environmentId: acme.environmentId, name: 'raced', version: row!.version };
  expect(row!.version).toBe(4);
  await expect(open([pair], { keyId: row!.key_id, sealed: row!.sealed }, place)).resolves.toBeDefined();
});

it('cannot read a sealed value back, whatever the api asks', async () => {
  const read = (sql: string) => api.database.tenant(acme.tenantId, (tx) => tx.$queryRawUnsafe(sql));
  await expect(read('select sealed from secrets')).rejects.toThrow(/permission denied/);
  await expect(read('select * from secrets')).rejects.toThrow(/permission denied/);
  await expect(read('update secrets set version = 9 returning sealed')).rejects.toThrow(/permission denied/);
});

it('says that secrets cannot be taken as long as no key is published', async () => {
  await api.owner('update sealing_keys set retired_at = now()');
  const reply = await put('secrets/early', 'canary');
  expect([reply.status, reply.json()]).toMatchObject([503, { type: 'urn:wherry:problem:platform.unavailable' }]);
  await publishSealingKey(api);
});

it('logs no value of a secret, a token or a cookie', async () => {
  await put('secrets/logged', 'canary-in-the-log');
  await put('secrets/NOT-A-NAME', 'canary-in-the-log');
  const text = JSON.stringify(api.lines);
  expect(text).toContain('api.putSecret');
  expect(text).not.toContain('canary-in-the-log');
  expect(text).not.toContain(headers['cookie']?.slice(20));
});

it('removes a secret once and then does not find it', async () => {
  await put('secrets/gone', 'x');
  const remove = () => api.send('DELETE', '/v1/tenants/acme/secrets/gone', { headers });
  expect((await remove()).status).toBe(204);
  const again = await remove();
  expect([again.status, again.json()]).toMatchObject([404, { type: 'urn:wherry:problem:secret.not_found' }]);
});

it('keeps build and run-time variables of one name apart', async () => {
  await put('variables/build/MODE', 'release');
  await put('variables/runtime/MODE', 'fast');
  await put('variables/runtime/MODE', 'faster');
  const { variables } = (await list('variables')) as { variables: { name: string; kind: string; value: string }[] };
  const found = variables.filter(({ name }) => name === 'MODE').map(({ kind, value }) => [kind, value]);
  expect(found).toEqual([
    ['build', 'release'],
    ['runtime', 'faster'],
  ]);
  expect((await api.send('DELETE', '/v1/tenants/acme/variables/build/MODE', { headers })).status).toBe(204);
  const after = (await list('variables')) as { variables: { name: string; kind: string }[] };
  expect(after.variables.filter(({ name }) => name === 'MODE')).toMatchObject([{ kind: 'runtime' }]);
  expect((await put('variables/runtime/1BAD', 'x')).status).toBe(400);
  expect((await put('variables/other/MODE', 'x')).status).toBe(400);
});

it('tells the value of a token once; it opens its tenant in its scopes until it is revoked or expires', async () => {
  const body = { name: 'ci', scopes: ['read'], expiresInDays: 7 };
  const made = await api.send('POST', '/v1/tenants/acme/tokens', { headers, body });
  const { value, token } = made.json() as { value: string; token: { id: string } };
  expect(await api.owner('select 1 from tokens where token_hash = $1', [sha256(value)])).toHaveLength(1);
  expect(JSON.stringify(await list('tokens'))).not.toContain(value);
  const bearer = { authorization: `Bearer ${value}` };
  const read = async () => (await api.send('GET', '/v1/tenants/acme/functions', { headers: bearer })).status;
  expect(await read()).toBe(200);
  const used = (await list('tokens')) as { tokens: { id: string; lastUsedAt: string | null; createdBy: string }[] };
  expect(used.tokens.find(({ id }) => id === token.id)).toMatchObject({ lastUsedAt: expect.any(String), name: 'ci' });
  api.clock.offsetMs = 7.01 * 24 * 3_600_000;
  expect(await read()).toBe(401);
  api.clock.offsetMs = 0;
  for (let times = 0; times < 2; times++) {
    expect((await api.send('DELETE', `/v1/tenants/acme/tokens/${token.id}`, { headers })).status).toBe(204);
  }
  expect(await read()).toBe(401);
});

it('binds a token to one repository for git only', async () => {
  const create = (scopes: string[], repository: string) =>
    api.send('POST', '/v1/tenants/acme/tokens', {
      headers,
      body: { name: 'x', scopes, repository, expiresInDays: null },
    });
  expect((await create(['git:push'], acme.repositoryName)).json()).toMatchObject({
    token: { repository: acme.repositoryName },
  });
  expect((await create(['git:push'], 'none')).status).toBe(404);
  const wide = await create(['git:push', 'deploy'], acme.repositoryName);
  expect([wide.status, wide.json()]).toMatchObject([400, { errors: [{ pointer: '/scopes/1' }] }]);
});
