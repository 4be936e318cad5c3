import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { sha256, startApi, type Harness, type Reply } from './testing/harness';

const minute = 60_000;
let api: Harness;
let seeded: SeededTenant;

beforeAll(async () => {
  api = await startApi();
  seeded = await seedTenant(api.test.url('owner'), 'acme');
  await api.owner('update users set is_operator = true');
});
afterAll(() => api.close());
beforeEach(() => void (api.clock.offsetMs = 0));

async function newLink(): Promise<string> {
  const reply = await api.send('POST', '/v1/login-links', { headers: await api.signIn(seeded.userId), body: {} });
  const { url } = reply.json() as { url: string };
  expect(url).toMatch(new RegExp(`^${api.settings.consoleUrl}/login#[\\w-]{43}$`));
  return url.split('#')[1] ?? '';
}

const use = (link: string, headers = {}): Promise<Reply> =>
  api.send('POST', '/v1/session', { headers, body: { link } });

/** The cookie of a reply as a browser would send it back. */
function cookieOf(reply: Reply): Record<string, string> {
  const [cookie = ''] = reply.headers['set-cookie'] ?? [];
  return { cookie: cookie.split(';')[0] ?? '', origin: api.settings.consoleUrl };
}

it('signs in with a link once, also when it is used twice at once', async () => {
  const link = await newLink();
  const replies = await Promise.all([use(link), use(link), use(link)]);
  expect(replies.map(({ status }) => status).sort()).toEqual([201, 401, 401]);
  expect(replies.find(({ status }) => status === 401)?.headers['set-cookie']).toBeUndefined();
  const session = await api.send('GET', '/v1/session', {
    headers: cookieOf(replies.find(({ status }) => status === 201)!),
  });
  expect(session.json()).toMatchObject({
    user: { id: seeded.userId, isOperator: true },
    tenants: [{ slug: 'acme', role: 'owner' }],
    platform: { consoleUrl: api.settings.consoleUrl, gitUrl: `${api.settings.consoleUrl}/git`, sandbox: 'bubblewrap' },
  });
});

it('sets a cookie that scripts cannot read and other sites cannot send, and stores only its hash', async () => {
  const reply = await use(await newLink());
  expect(reply.headers['set-cookie']).toHaveLength(1);
  const [cookie = ''] = reply.headers['set-cookie'] ?? [];
  expect(cookie).toMatch(/^wherry_session=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
  const value = cookie.slice('wherry_session='.length).split(';')[0] ?? '';
  expect(await api.owner('select 1 from sessions where token_hash = $1', [sha256(value)])).toHaveLength(1);
  expect(reply.text).not.toContain(value);
});

it('refuses links that are expired or were never made, in the same words', async () => {
  const link = await newLink();
  api.clock.offsetMs = 16 * minute;
  const [expired, unknown] = [await use(link), await use('never-made')];
  const words = ({ status, text }: Reply) => [status, text.replace(/urn:request:[^"]+/, '')];
  expect(expired.status).toBe(401);
  expect(words(expired)).toEqual(words(unknown));
});

it('refuses to sign anybody in for a page of another origin', async () => {
  const link = await newLink();
  expect((await use(link, { origin: 'http://evil.test' })).status).toBe(403);
  expect((await use(link, { origin: api.settings.consoleUrl })).status).toBe(201);
});

it('ends a session after its idle time, at its last hour, and when it is ended', async () => {
  const session = (headers: Record<string, string>) => api.send('GET', '/v1/session', { headers });
  const cookie = cookieOf(await use(await newLink()));
  for (const days of [6, 12, 18, 24, 29.9]) {
    api.clock.offsetMs = days * 24 * 60 * minute;
    expect((await session(cookie)).status).toBe(200);
  }
  api.clock.offsetMs = 30.1 * 24 * 60 * minute;
  expect((await session(cookie)).status).toBe(401);

  api.clock.offsetMs = 0;
  const idle = cookieOf(await use(await newLink()));
  api.clock.offsetMs = 7.1 * 24 * 60 * minute;
  expect((await session(idle)).status).toBe(401);

  api.clock.offsetMs = 0;
  const ended = cookieOf(await use(await newLink()));
  const reply = await api.send('DELETE', '/v1/session', { headers: ended });
  expect(reply.headers['set-cookie']?.[0]).toMatch(/^wherry_session=; Path=\/; Max-Age=0;/);
  expect((await session(ended)).status).toBe(401);
});

it('ends the session that the browser had when somebody signs in with a link', async () => {
  const former = await api.signIn(seeded.userId);
  const link = await newLink();
  const used = await use(link, { cookie: former.cookie, origin: api.settings.consoleUrl });
  expect(used.status).toBe(201);
  expect((await api.send('GET', '/v1/session', { headers: former })).status).toBe(401);
  expect((await api.send('GET', '/v1/session', { headers: cookieOf(used) })).status).toBe(200);
});

it('signs out everywhere, links that were not used too, and nobody else', async () => {
  const other = await seedTenant(api.test.url('owner'), 'elsewhere');
  const theirs = await api.signIn(other.userId);
  const mine = [await api.signIn(seeded.userId), await api.signIn(seeded.userId)];
  const link = await newLink();
  const reply = await api.send('DELETE', '/v1/sessions', { headers: mine[0]! });
  expect([reply.status, reply.headers['set-cookie']?.[0]]).toEqual([
    204,
    expect.stringMatching(/^wherry_session=; Path=\/; Max-Age=0;/),
  ]);
  for (const headers of mine) expect((await api.send('GET', '/v1/session', { headers })).status).toBe(401);
  expect((await use(link)).status).toBe(401);
  expect((await api.send('GET', '/v1/session', { headers: theirs })).status).toBe(200);
});

it('closes a tenant to its members when it is suspended or they are removed', async () => {
  const other = await seedTenant(api.test.url('owner'), 'other');
  const headers = await api.signIn(other.userId);
  const status = async () => (await api.send('GET', '/v1/tenants/other/functions', { headers })).status;
  expect(await status()).toBe(200);
  await api.owner("update tenants set suspended_at = now() where slug = 'other'");
  expect(await status()).toBe(404);
  await api.owner("update tenants set suspended_at = null where slug = 'other'");
  await api.owner('delete from memberships where tenant_id = $1', [other.tenantId]);
  expect(await status()).toBe(404);
});

it('makes a tenant with its environment and an owner who can sign in, and never issues a slug twice', async () => {
  const headers = await api.signIn(seeded.userId);
  const body = { slug: 'fresh', name: 'Fresh', ownerName: 'Ada' };
  const made = await api.send('POST', '/v1/tenants', { headers, body });
  const { ownerId } = made.json() as { ownerId: string };
  const link = await api.send('POST', '/v1/login-links', { headers, body: { userId: ownerId } });
  const signedIn = await use((link.json() as { url: string }).url.split('#')[1] ?? '');
  expect(signedIn.json()).toMatchObject({
    user: { name: 'Ada', isOperator: false },
    tenants: [{ slug: 'fresh', role: 'owner' }],
  });
  expect(
    await api.owner("select kind from environments e join tenants t on t.id = tenant_id where slug = 'fresh'"),
  ).toEqual([{ kind: 'production' }]);
  const again = await api.send('POST', '/v1/tenants', { headers, body });
  expect([again.status, again.json()]).toMatchObject([409, { type: 'urn:wherry:problem:tenant.slug_taken' }]);
  for (const slug of ['console', 'a--b', 'Upper', '', 'x'.repeat(41)]) {
    expect((await api.send('POST', '/v1/tenants', { headers, body: { slug, name: 'x' } })).status).toBe(400);
  }
  const missing = await api.send('POST', '/v1/login-links', { headers, body: { userId: 'usr_none' } });
  expect(missing.status).toBe(404);
});

it('refuses a second tenant, and secrets, where functions run without a sandbox', async () => {
  const bare = await startApi({ sandbox: 'none' });
  const local = await seedTenant(bare.test.url('owner'), 'local');
  await bare.owner('update users set is_operator = true');
  const headers = await bare.signIn(local.userId);
  const second = await bare.send('POST', '/v1/tenants', { headers, body: { slug: 'second', name: 'Second' } });
  expect([second.status, second.json()]).toMatchObject([409, { type: 'urn:wherry:problem:tenant.sandbox_required' }]);
  expect(await bare.owner("select 1 from tenants where slug = 'second'")).toEqual([]);
  const secret = await bare.send('PUT', '/v1/tenants/local/secrets/key', { headers, body: { value: 'v' } });
  expect([secret.status, secret.json()]).toMatchObject([409, { type: 'urn:wherry:problem:secret.sandbox_required' }]);
  await bare.close();
});

it('takes a cookie that only the console itself can have set, where the console is https', async () => {
  const safe = await startApi({ settings: { consoleUrl: 'https://console.test' } });
  const local = await seedTenant(safe.test.url('owner'), 'local');
  await safe.owner(
    "insert into login_links (token_hash, user_id, expires_at) values ($1, $2, now() + interval '1 hour')",
    [...[sha256('value'), local.userId]],
  );
  const headers = { host: 'console.test', origin: 'https://console.test' };
  const reply = await safe.send('POST', '/v1/session', { headers, body: { link: 'value' } });
  const [, value = ''] =
    /^__Host-wherry_session=([\w-]{43}); Path=\/; .*; Secure$/.exec(reply.headers['set-cookie']?.[0] ?? '') ?? [];
  const statusWith = async (cookie: string) =>
    (await safe.send('GET', '/v1/session', { headers: { ...headers, cookie } })).status;
  expect(await statusWith(`__Host-wherry_session=${value}`)).toBe(200);
  // What a function on a neighbouring host can set for the whole domain.
  expect(await statusWith(`wherry_session=${value}`)).toBe(401);
  await safe.close();
});

it('tells operators, and nobody else, what the controller found wrong with the platform', async () => {
  const look = async (isOperator: boolean) => {
    await api.owner('update users set is_operator = $2 where id = $1', [seeded.userId, isOperator]);
    const session = await api.send('GET', '/v1/session', { headers: await api.signIn(seeded.userId) });
    return (session.json() as { platform: { engine: string; notices: string[] } }).platform;
  };
  expect(await look(true)).toMatchObject({ engine: 'local', notices: [] });
  const detail = 'The cluster does not enforce NetworkPolicies: install a network plugin that does.';
  const found = (ok: boolean) =>
    api.owner(
      `insert into platform_checks (name, ok, detail) values ('network-policies', $1, $2)
       on conflict (name) do update set ok = excluded.ok`,
      [ok, detail],
    );
  await found(false);
  expect((await look(true)).notices).toEqual([detail]);
  expect((await look(false)).notices).toEqual([]);
  await api.owner(`insert into platform_checks (name, ok, detail) values ('dns', false, 'No names.')`);
  expect((await look(true)).notices).toEqual([detail, 'No names.']);
  await found(true);
  expect((await look(true)).notices).toEqual(['No names.']);
});
