import { seal } from '@wherry/sealing';
import { seedTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { FakeGithub, type FakeAnswer } from '../testing/fake-github';
import { sha256, startApi, type Harness, type Reply } from '../testing/harness';

let github: FakeGithub;
let api: Harness;

beforeAll(async () => {
  github = await FakeGithub.start();
  api = await startApi({ settings: { githubUrl: github.url, githubApiUrl: `${github.url}/api/v3` } });
  await registerApp(api);
});
afterAll(async () => {
  await api.close();
  await github.close();
});
beforeEach(() => {
  github.person = { id: 1, login: 'ada', organizations: [], teams: [] };
  github.broken.clear();
  github.asked.length = 0;
  api.clock.offsetMs = 0;
});

async function registerApp({ owner, keys }: Harness): Promise<void> {
  const place = { tenantId: 'platform', environmentId: 'github', name: 'client_secret', version: 1 };
  const { keyId, sealed } = await seal(keys[0].publicKey, { ...place, value: Buffer.from('oauth-secret') });
  await owner(`insert into github_app (app_id, slug, name, client_id, html_url, owner_login)
    values (7, 'wherry', 'Wherry', 'Iv1.test', 'http://github.test/apps/wherry', 'acme')`);
  await owner(`insert into github_credentials (kind, version, key_id, sealed) values ('client_secret', 1, $1, $2)`, [
    ...[keyId, sealed],
  ]);
}

const cookiesOf = (reply: Reply): string[] => reply.headers['set-cookie'] ?? [];
const valueOf = (reply: Reply, name: string): string =>
  cookiesOf(reply)
    .find((cookie) => cookie.startsWith(`${name}=`))
    ?.slice(name.length + 1)
    .split(';')[0] ?? '';

async function begin(query = ''): Promise<{ reply: Reply; cookie: string; location: string }> {
  const reply = await api.send('GET', `/login/github${query}`);
  return { reply, cookie: `wherry_login=${valueOf(reply, 'wherry_login')}`, location: reply.headers.location ?? '' };
}

const come = (url: URL, cookie: string): Promise<Reply> =>
  api.send('GET', `${url.pathname}${url.search}`, { headers: { cookie, 'sec-fetch-site': 'cross-site' } });

/** A whole login. */
async function login(extra = '', query = ''): Promise<Reply> {
  const { cookie, location } = await begin(query);
  return come(github.authorize(location), `${cookie}${extra}`);
}

const sessionOf = (reply: Reply): Promise<Reply> =>
  api.send('GET', '/v1/session', { headers: { cookie: `wherry_session=${valueOf(reply, 'wherry_session')}` } });

/** A tenant that is an organisation of GitHub's. */
async function organization(name: string, accountId: number, memberRole: string | null = 'viewer'): Promise<string> {
  const { tenantId } = await seedTenant(api.test.url('owner'), name);
  await api.owner('update tenants set github_account_id = $2, github_member_role = $3 where id = $1', [
    ...[tenantId, accountId, memberRole],
  ]);
  return tenantId;
}

async function tenantsOf(reply: Reply): Promise<Record<string, string>> {
  const { tenants } = (await sessionOf(reply)).json() as { tenants: { slug: string; role: string }[] };
  return Object.fromEntries(tenants.map(({ slug, role }) => [slug, role]));
}

it('signs in whoever GitHub names, with a session of their own and the roles of their organisations', async () => {
  await organization('orga', 100);
  await organization('orgb', 101);
  await organization('orgc', 102, null);
  await organization('orgd', 103);
  await organization('person', 1);
  await api.owner(
    "insert into github_team_roles (tenant_id, team_id, team_slug, role) values ('ten_orgb', 9, 't', 'developer')",
  );
  github.person = {
    ...{ id: 1, login: 'ada' },
    organizations: [
      ...[
        { id: 100, role: 'admin' },
        { id: 101, role: 'member' },
        { id: 102, role: 'member' },
      ],
      { id: 103, role: 'member', state: 'pending' },
    ],
    teams: [
      { id: 8, organizationId: 101 },
      { id: 9, organizationId: 101 },
    ],
  };
  const reply = await login();
  expect([reply.status, reply.headers.location]).toEqual([302, '/']);
  expect(await tenantsOf(reply)).toEqual({ orga: 'owner', orgb: 'developer', person: 'owner' });
  expect((await sessionOf(reply)).json()).toMatchObject({ user: { name: 'ada', isOperator: false } });
  expect(
    await api.owner('select source from memberships m join users u on u.id = m.user_id where github_id = 1'),
  ).toEqual(Array.from({ length: 3 }, () => ({ source: 'github' })));
  const log = "select tenant_id, actor_kind, target from audit_log where action = 'member.add' order by 1";
  expect(await api.owner(log)).toEqual(
    ['ten_orga', 'ten_orgb', 'ten_person'].map((tenant_id) => ({
      tenant_id,
      actor_kind: 'github',
      target: 'member/ada',
    })),
  );
});

it('calls people in the audit log by their login, for a name is whatever somebody wrote on their page', async () => {
  const tenantId = await organization('liars', 700);
  github.person = { id: 70, login: 'mallory', organizations: [{ id: 700, role: 'admin' }], teams: [] };
  const reply = await login();
  await api.owner("update users set name = 'ada' where github_id = 70");
  const path = '/v1/tenants/liars/variables/build/X';
  const cookie =
    cookiesOf(reply)
      .find((one) => one.startsWith('wherry_session='))
      ?.split(';')[0] ?? '';
  const headers = { cookie, 'sec-fetch-site': 'same-origin' };
  expect((await api.send('PUT', path, { headers, body: { value: 'x' } })).status).toBe(200);
  const log = "select actor_name from audit_log where tenant_id = $1 and actor_kind = 'user'";
  expect(await api.owner(log, [tenantId])).toEqual([{ actor_name: 'mallory' }]);
});

it('learns the teams of an owner, to whom a role given to one counts from the next login of its members', async () => {
  const tenantId = await organization('teams', 500);
  const teams = [
    { id: 50, organizationId: 500 },
    { id: 51, organizationId: 999 },
  ];
  github.person = { id: 50, login: 'boss', organizations: [{ id: 500, role: 'admin' }], teams };
  await login();
  const known =
    'select team_id::int as id, team_slug, role from github_team_roles where tenant_id = $1 and team_id = 50';
  expect(await api.owner(known, [tenantId])).toEqual([{ id: 50, team_slug: 'team-50', role: null }]);
  expect(await api.owner('select 1 from github_team_roles where team_id = 51')).toEqual([]);
  const hand = { id: 52, login: 'hand', organizations: [{ id: 500, role: 'member' }], teams };
  github.person = hand;
  expect(await tenantsOf(await login())).toEqual({ teams: 'viewer' });
  await api.owner("update github_team_roles set role = 'developer' where team_id = 50");
  expect(await tenantsOf(await login())).toEqual({ teams: 'developer' });
});

it('knows a person by the number that GitHub gave them, whatever they are called now', async () => {
  github.person = { ...github.person, id: 20, login: 'first' };
  const before = (await sessionOf(await login())).json() as { user: { id: string } };
  github.person = { ...github.person, login: 'renamed' };
  const after = (await sessionOf(await login())).json() as { user: { id: string } };
  expect(after.user).toMatchObject({ id: before.user.id, name: 'renamed' });
  github.person = { ...github.person, id: 21, login: 'first' };
  const squatter = (await sessionOf(await login())).json() as { user: { id: string } };
  expect(squatter.user.id).not.toBe(before.user.id);
});

it('takes away what the organisation gave as soon as it is left, and leaves what was given by hand', async () => {
  await organization('left', 300);
  const { tenantId } = await seedTenant(api.test.url('owner'), 'byhand');
  github.person = { ...github.person, id: 30, organizations: [{ id: 300, role: 'admin' }] };
  const first = await login();
  await api.owner(
    "insert into memberships (tenant_id, user_id, role) select $1, id, 'viewer' from users where github_id = 30",
    [tenantId],
  );
  expect(await tenantsOf(first)).toEqual({ left: 'owner', byhand: 'viewer' });
  github.person = { ...github.person, organizations: [] };
  await login();
  expect(await tenantsOf(first)).toEqual({ byhand: 'viewer' });
});

it('never writes down the token that GitHub gave for the person', async () => {
  await login();
  expect(github.asked.filter(({ authorization }) => authorization?.endsWith('ghu_secret'))).not.toEqual([]);
  const tables = await api.owner<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
  );
  for (const { name } of tables) {
    expect(await api.owner(`select 1 from ${name} t where t::text like '%ghu_secret%'`), name).toEqual([]);
  }
  expect(JSON.stringify(api.lines)).not.toMatch(/ghu_secret|oauth-secret|code-\d/);
});

it('ends the session that the browser had before, so that none outlives a login', async () => {
  const { userId } = await seedTenant(api.test.url('owner'), 'former');
  const { cookie = '' } = await api.signIn(userId);
  const reply = await login(`; ${cookie}`);
  expect((await api.send('GET', '/v1/session', { headers: { cookie } })).status).toBe(401);
  const value = valueOf(reply, 'wherry_session');
  expect(cookie).not.toContain(value);
  expect(await api.owner('select 1 from sessions where token_hash = $1', [sha256(value)])).toHaveLength(1);
});

it('sets cookies that no script reads and no other site sends along', async () => {
  const { reply, cookie } = await begin();
  expect(cookiesOf(reply)).toEqual([
    expect.stringMatching(/^wherry_login=[\w-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/),
  ]);
  const done = await come(github.authorize(reply.headers.location ?? ''), cookie);
  expect(cookiesOf(done)).toEqual([
    'wherry_login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    expect.stringMatching(/^wherry_session=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/),
  ]);
  expect([reply, done].map(({ headers }) => headers['cache-control'])).toEqual(['no-store', 'no-store']);
});

/** Ends on the login page, signed in by nobody. */
function expectRefused(reply: Reply, error: string): void {
  expect([reply.status, reply.headers.location]).toEqual([302, `/login?error=${error}`]);
  expect(valueOf(reply, 'wherry_session')).toBe('');
}

it('refuses a login that another browser began, so that no link signs anybody in as somebody else', async () => {
  const { location } = await begin();
  const url = github.authorize(location);
  expectRefused(await come(url, ''), 'expired');
  expectRefused(await come(url, (await begin()).cookie), 'expired');
  expect(github.asked).toEqual([]);
});

it('refuses a login that took too long, and one that is played again', async () => {
  const { cookie, location } = await begin();
  const url = github.authorize(location);
  api.clock.offsetMs = 11 * 60_000;
  expectRefused(await come(url, cookie), 'expired');
  api.clock.offsetMs = 0;
  expect((await come(url, cookie)).headers.location).toBe('/');
  expectRefused(await come(url, cookie), 'expired');
});

it('refuses what GitHub never sends', async () => {
  const { cookie } = await begin();
  for (const query of ['', '?state=x', '?code=a&code=b&state=x', '?code=&state=', `?code=${'x'.repeat(5000)}`]) {
    expectRefused(await api.send('GET', `/login/github/callback${query}`, { headers: { cookie } }), 'expired');
  }
  for (const broken of ['wherry_login=e30', 'wherry_login=%%', 'wherry_login=bnVsbA']) {
    expectRefused(
      await api.send('GET', '/login/github/callback?code=a&state=b', { headers: { cookie: broken } }),
      'expired',
    );
  }
  expect(github.asked).toEqual([]);
});

it('says on the login page that the person said no', async () => {
  const { cookie } = await begin();
  const query = '?error=access_denied&error_description=The+user+has+denied+your+application+access';
  expectRefused(await api.send('GET', `/login/github/callback${query}`, { headers: { cookie } }), 'denied');
});

const page: FakeAnswer = { status: 200, type: 'text/html', body: '<h1>Unicorn</h1>' };
const calls = ['/login/oauth/access_token', '/api/v3/user', '/api/v3/user/memberships/orgs', '/api/v3/user/teams'];
const faults: [string, FakeAnswer][] = [
  ['a 500', { status: 500, body: '{}' }],
  ['a 403', { status: 403, body: '{"message":"Resource not accessible by integration"}' }],
  ['another type', page],
  ['half a JSON', { status: 200, body: '{"id":' }],
  ['JSON of another shape', { status: 200, body: '{"id":"1"}' }],
  ['a cut connection', 'cut'],
];
it.each(calls.flatMap((path) => faults.map(([name, answer]) => [path, name, answer] as const)))(
  'ends on the login page, with nothing changed, when %s answers with %s',
  async (path, _name, answer) => {
    github.person = { ...github.person, id: 77, login: 'unlucky' };
    github.broken.set(path, answer);
    expectRefused(await login(), 'unavailable');
    expect(await api.owner('select 1 from users where github_id = 77')).toEqual([]);
  },
);

it('goes on to a path of the console and to nothing else', async () => {
  const end = async (returnTo: string) =>
    (await login('', `?returnTo=${encodeURIComponent(returnTo)}`)).headers.location;
  expect(await end('/acme/functions?tab=logs#last')).toBe('/acme/functions?tab=logs#last');
  const elsewhere = ['https://evil.test/', '//evil.test', '/\\evil.test', '/\t/evil.test', 'evil', '/..//evil.test'];
  for (const one of elsewhere) expect([one, await end(one)]).toEqual([one, '/']);
});

it('tells the login page, which has no session, whether one can sign in with GitHub', async () => {
  const name = new URL(github.url).host;
  expect((await api.send('GET', '/v1/login')).json()).toEqual({ github: { loginUrl: '/login/github', name } });
  const bare = await startApi();
  expect((await bare.send('GET', '/v1/login')).json()).toEqual({ github: null });
  expectRefused(await bare.send('GET', '/login/github'), 'not_configured');
  await bare.close();
});

it('uses the names and marks that browsers guard where the console is https', async () => {
  const settings = { consoleUrl: 'https://console.test', githubUrl: github.url, githubApiUrl: `${github.url}/api/v3` };
  const safe = await startApi({ settings });
  await registerApp(safe);
  const reply = await safe.send('GET', '/login/github', { headers: { host: 'console.test' } });
  expect(cookiesOf(reply)[0]).toMatch(/^__Host-wherry_login=.*; Path=\/; .*; Secure$/);
  expect(new URL(reply.headers.location ?? '').searchParams.get('redirect_uri')).toBe(
    'https://console.test/login/github/callback',
  );
  await safe.close();
});

it('asks GitHub nothing for a stranger who comes while as many logins are under way as may be', async () => {
  const settings = { githubUrl: github.url, githubApiUrl: `${github.url}/api/v3` };
  const full = await startApi({ settings, limits: { loginsAtOnce: 0 } });
  await registerApp(full);
  const begun = await full.send('GET', '/login/github');
  const { pathname, search } = github.authorize(begun.headers.location!);
  const cookie = `wherry_login=${valueOf(begun, 'wherry_login')}`;
  const reply = await full.send('GET', `${pathname}${search}`, { headers: { cookie } });
  await full.close();
  expect(reply.headers.location).toBe('/login?error=unavailable');
  expect(github.asked).toEqual([]);
});
