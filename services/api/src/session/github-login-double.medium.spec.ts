import { GithubDouble } from '@wherry/github-double';
import { seal } from '@wherry/sealing';
import { seedTenant } from '@wherry/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Harness, type Reply } from '../testing/harness';

let github: Awaited<ReturnType<typeof GithubDouble.start>>;
let api: Harness;

beforeAll(async () => {
  github = await GithubDouble.start();
  api = await startApi({ settings: { githubUrl: github.url, githubApiUrl: github.apiUrl } });
  await github.createUser({ login: 'ada' });
  await github.createUser({ login: 'bob' });
  const members = [{ login: 'ada', role: 'admin' } as const, { login: 'bob', role: 'member' } as const];
  const teams = [{ slug: 'builders', members: ['bob'] }];
  const acme = await github.createOrganisation({ login: 'acme', members, teams });
  const webhookUrl = `${api.settings.consoleUrl}/github/webhooks`;
  const callbackUrls = [`${api.settings.consoleUrl}/login/github/callback`];
  const app = await github.createApp({ webhookUrl, callbackUrls });
  await github.install({ appId: app.appId, account: 'acme', repositories: 'all' });
  const place = { tenantId: 'platform', environmentId: 'github', name: 'client_secret', version: 1 };
  const value = Buffer.from(app.clientSecret);
  const { keyId, sealed } = await seal(api.keys[0].publicKey, { ...place, value });
  await api.owner(
    `insert into github_app (app_id, slug, name, client_id, html_url, owner_login) values ($1, $2, 'W', $3, '', 'acme')`,
    [app.appId, app.slug, app.clientId],
  );
  await api.owner(
    `insert into github_credentials (kind, version, key_id, sealed) values ('client_secret', 1, $1, $2)`,
    [...[keyId, sealed]],
  );
  const { tenantId } = await seedTenant(api.test.url('owner'), 'acme');
  await api.owner('update tenants set github_account_id = $2 where id = $1', [tenantId, acme.id]);
});
afterAll(async () => {
  await api.close();
  await github.stop();
});

const cookieOf = (reply: Reply, name: string): string =>
  reply.headers['set-cookie']?.find((cookie) => cookie.startsWith(`${name}=`))?.split(';')[0] ?? '';

/** What the browser of somebody does, who is signed in at GitHub and presses one of the two buttons. */
async function login(person: string, authorize: '1' | '0' = '1'): Promise<Reply> {
  await github.signIn({ login: person });
  const begun = await api.send('GET', '/login/github');
  const fields = new URL(begun.headers.location ?? '').searchParams;
  fields.set('authorize', authorize);
  const pressed = await fetch(`${github.url}/login/oauth/authorize`, {
    ...{ method: 'POST', body: fields, redirect: 'manual' },
  });
  const back = new URL(pressed.headers.get('location') ?? '');
  return api.send('GET', `${back.pathname}${back.search}`, { headers: { cookie: cookieOf(begun, 'wherry_login') } });
}

async function rolesOf(reply: Reply): Promise<unknown> {
  const headers = { cookie: cookieOf(reply, 'wherry_session') };
  const { tenants } = (await api.send('GET', '/v1/session', { headers })).json() as { tenants: { role: string }[] };
  return tenants.map(({ role }) => role);
}

it('signs members of an organisation in by way of GitHub, with the roles that they have there', async () => {
  expect(await rolesOf(await login('ada'))).toEqual(['owner']);
  expect(await rolesOf(await login('bob'))).toEqual(['viewer']);
  await api.owner("update github_team_roles set role = 'developer' where team_slug = 'builders'");
  expect(await rolesOf(await login('bob'))).toEqual(['developer']);
  await github.removeMember({ organisation: 'acme', login: 'bob' });
  expect(await rolesOf(await login('bob'))).toEqual([]);
  expect(await github.violations()).toEqual([]);
});

it('signs nobody in who said no', async () => {
  const reply = await login('ada', '0');
  expect([reply.headers.location, cookieOf(reply, 'wherry_session')]).toEqual(['/login?error=denied', '']);
});
