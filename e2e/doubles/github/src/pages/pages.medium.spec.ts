import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestGithub } from '../test-github';

let test: TestGithub;
let github: TestGithub['github'];
beforeEach(async () => {
  test = await TestGithub.start();
  github = test.github;
});
afterEach(() => test.stop());

const callback = 'https://console.example/login/github/callback';
const at = (path: string, fields: Record<string, string>) => `${github.url}${path}?${new URLSearchParams(fields)}`;

/** Opens a page and presses one of its buttons, as a browser does; the address that it is sent to. */
async function press(url: string, button: string, more: Record<string, string> = {}): Promise<URL> {
  const page = await (await fetch(url)).text();
  const all = [...page.matchAll(/<form method="post" action="([^"]+)">(.*?)<\/form>/gs)];
  const [, action = '', inside = ''] = all.find(([form]) => form.includes(`>${button}</button>`)) ?? [];
  if (action === '') throw new Error(`The page has no button ${button}: ${page}`);
  const text = (value: string) =>
    value
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&');
  const hidden = [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  const form = new URLSearchParams(hidden.map(([, name = '', value = '']) => [text(name), text(value)]));
  const [, name = '', value = ''] = new RegExp(`name="([^"]*)" value="([^"]*)">${button}</button>`).exec(inside) ?? [];
  if (name !== '') form.set(name, value);
  for (const [key, given] of Object.entries(more)) form.set(key, given);
  const reply = await fetch(`${github.url}${action}`, { method: 'POST', body: form, redirect: 'manual' });
  const location = reply.headers.get('location');
  if (location === null) throw new Error(`${button} led nowhere: ${await reply.text()}`);
  return new URL(location);
}

describe('signing in with GitHub', () => {
  const verifier = 'v'.repeat(64);
  const challenge = createHash('sha256').update(verifier).digest('base64url');

  async function begun() {
    const app = await github.createApp({ callbackUrls: [callback] });
    await github.install({ appId: app.appId, account: 'acme', repositories: 'all' });
    await github.signIn({ login: 'ada' });
    const asked = { client_id: app.clientId, redirect_uri: callback, state: 'xyz' };
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' };
    return { app, url: at('/login/oauth/authorize', { ...asked, ...pkce }) };
  }
  const exchange = async (fields: Record<string, string>) => {
    const headers = { accept: 'application/json' };
    const body = new URLSearchParams({ redirect_uri: callback, ...fields });
    const reply = await fetch(`${github.url}/login/oauth/access_token`, { method: 'POST', headers, body });
    return (await reply.json()) as { access_token?: string; error?: string };
  };

  it('the button brings a code and the state back; the code is a token for the person once', async () => {
    const { app, url } = await begun();
    const back = await press(url, 'Authorize');
    expect(back.href).toContain(`${callback}?`);
    expect(back.searchParams.get('state')).toBe('xyz');
    const code = back.searchParams.get('code') ?? '';
    const secrets = { client_id: app.clientId, client_secret: app.clientSecret, code, code_verifier: verifier };
    const { access_token } = await exchange(secrets);
    const get = async (path: string) =>
      (await fetch(`${github.apiUrl}${path}`, { headers: { authorization: `Bearer ${access_token}` } })).json();
    expect(await get('/user')).toMatchObject({ login: 'ada' });
    expect(await get('/user/memberships/orgs')).toMatchObject([{ role: 'admin', organization: { login: 'acme' } }]);
    expect(await get('/user/installations')).toMatchObject({ total_count: 1 });
    expect(await get('/user/emails')).toMatchObject([{ email: 'ada@example.com', primary: true }]);
    await github.createTeam({ organisation: 'acme', slug: 'devs', members: ['ada'] });
    expect(await get('/user/teams')).toMatchObject([{ slug: 'devs', organization: { login: 'acme' } }]);
    expect(await exchange(secrets)).toMatchObject({ error: 'bad_verification_code' });
  });

  it('a wrong verifier, a wrong secret, an old code, another address and a refusal bring no token', async () => {
    const { app, url } = await begun();
    const codeOf = async () => (await press(url, 'Authorize')).searchParams.get('code') ?? '';
    const secrets = { client_id: app.clientId, client_secret: app.clientSecret, code_verifier: verifier };
    const tries: [Record<string, string>, string][] = [
      [{ code_verifier: 'w'.repeat(64) }, 'bad_verification_code'],
      [{ client_secret: 'wrong' }, 'incorrect_client_credentials'],
      [{ redirect_uri: 'https://elsewhere.example' }, 'redirect_uri_mismatch'],
    ];
    for (const [wrong, error] of tries)
      expect(await exchange({ ...secrets, code: await codeOf(), ...wrong })).toMatchObject({ error });
    const code = await codeOf();
    await github.advanceClock({ ms: 10 * 60_000 + 1 });
    expect(await exchange({ ...secrets, code })).toMatchObject({ error: 'bad_verification_code' });
    expect((await press(url, 'Cancel')).searchParams.get('error')).toBe('access_denied');
    const strange = url.replace(encodeURIComponent(callback), encodeURIComponent('https://evil.example/'));
    const reply = await fetch(strange, { redirect: 'manual' });
    expect(reply.headers.get('location')).toContain('error=redirect_uri_mismatch');
  });

  it('somebody who is not signed in chooses who they are, and comes back', async () => {
    const { url } = await begun();
    await github.signIn({ login: null });
    const back = await press(url, 'Sign in as ada', { login: 'ada' });
    expect((await press(back.href, 'Authorize')).searchParams.get('state')).toBe('xyz');
  });
});

describe('registering an App by a manifest', () => {
  const manifest = {
    name: 'Wherry of Acme',
    url: 'https://console.example',
    hook_attributes: { url: 'https://console.example/github/webhooks' },
    redirect_url: 'https://console.example/github/app/created',
    callback_urls: [callback],
    setup_url: 'https://console.example/github/installed',
    public: false,
    default_permissions: { contents: 'read', checks: 'write' },
    default_events: ['push', 'check_run'],
  };
  const open = (asked: object) =>
    at('/organizations/acme/settings/apps/new', { state: 's', manifest: JSON.stringify(asked) });
  const convert = (code: string) => fetch(`${github.apiUrl}/app-manifests/${code}/conversions`, { method: 'POST' });

  it('the button makes the App, and its code brings the keys once within an hour', async () => {
    await github.signIn({ login: 'ada' });
    const back = await press(open(manifest), 'Create GitHub App for acme');
    expect(back.href).toMatch(/^https:\/\/console\.example\/github\/app\/created\?code=\w+&state=s$/);
    const code = back.searchParams.get('code') ?? '';
    const reply = await convert(code);
    expect(reply.status).toBe(201);
    const made = (await reply.json()) as { id: number; slug: string; pem: string; owner: { login: string } };
    expect(made).toMatchObject({ slug: 'wherry-of-acme', owner: { login: 'acme' } });
    const app = test.app({ ...(await github.apps())[0]!, privateKeyPem: made.pem });
    expect((await app.octokit.request('GET /app')).data?.id).toBe(made.id);
    expect((await convert(code)).status).toBe(404);
    const again = await press(open({ ...manifest, name: 'Second' }), 'Create GitHub App for acme');
    await github.advanceClock({ ms: 3_600_001 });
    expect((await convert(again.searchParams.get('code') ?? '')).status).toBe(404);
  });

  it('refuses a manifest that GitHub refuses', async () => {
    await github.signIn({ login: 'ada' });
    const wrong = [
      { ...manifest, url: undefined },
      { ...manifest, webhook: 'x' },
      { ...manifest, default_events: ['pull_request'] },
    ];
    for (const asked of wrong) expect((await fetch(open(asked))).status).toBe(422);
    await press(open(manifest), 'Create GitHub App for acme');
    await expect(press(open(manifest), 'Create GitHub App for acme')).rejects.toThrow('already been taken');
  });

  it('the install page installs it, and brings the browser to its setup address', async () => {
    await github.signIn({ login: 'ada' });
    await github.createApp({ name: 'wherry', owner: 'acme', setupUrl: manifest.setup_url, webhookUrl: test.hookUrl });
    const back = await press(at('/apps/wherry/installations/new', { state: 'i' }), 'Install on acme');
    const [installation] = (await github.apps())[0]?.installations ?? [];
    expect(back.href).toBe(`${manifest.setup_url}?installation_id=${installation}&setup_action=install&state=i`);
    expect(await test.told()).toContain('installation created');
  });
});
