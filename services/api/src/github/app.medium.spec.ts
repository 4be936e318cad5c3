import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { credentialPlace, open, type KeyPair } from '@wherry/sealing';
import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { deliver, newPrivateKeyPem, publishWorkerKey, registerApp } from '../testing/github-app';
import { startApi, type Harness } from '../testing/harness';

let github: Server;
/** What GitHub answers to the next conversion, and what it was asked. */
let answer: { status: number; type?: string; body: unknown } | 'hang up';
const asked: IncomingMessage[] = [];
let api: Harness;
let acme: SeededTenant;
let operator: Record<string, string>;
let workerKey: KeyPair;
const pem = newPrivateKeyPem();

const conversion = () => ({
  ...{
    id: 4711,
    slug: 'wherry-acme',
    node_id: 'x',
    name: 'Wherry (acme)',
    html_url: 'https://github.com/apps/wherry-acme',
  },
  ...{ client_id: 'Iv1.abc', client_secret: 'canary-client', webhook_secret: 'canary-webhook', pem },
  ...{ owner: { login: 'acme', id: 1 }, description: null, external_url: 'https://x', permissions: {}, events: [] },
});

beforeAll(async () => {
  github = createServer((request, reply) => {
    asked.push(request);
    if (answer === 'hang up') return void request.socket.destroy();
    reply.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json' });
    reply.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => github.listen(0, '127.0.0.1', resolve));
  const githubApiUrl = `http://127.0.0.1:${(github.address() as AddressInfo).port}/api/v3`;
  api = await startApi({ settings: { githubUrl: 'https://github.test', githubApiUrl } });
  acme = await seedTenant(api.test.url('owner'), 'acme');
  await api.owner('update users set is_operator = true where id = $1', [acme.userId]);
  operator = await api.signIn(acme.userId);
  workerKey = await publishWorkerKey(api);
});
afterAll(async () => {
  await api.close();
  await new Promise((resolve) => github.close(resolve));
});
beforeEach(async () => {
  answer = { status: 201, body: conversion() };
  await api.owner('delete from github_credentials');
  await api.owner('delete from github_app');
});

const wish = { name: 'Wherry (acme)', organization: 'acme', isPublic: false };
const begin = async (body: object = wish, headers = operator) => {
  const reply = await api.send('POST', '/v1/github/app/registrations', { headers, body });
  return reply.json() as { action: string; manifest: string; type: string };
};
const stateOf = ({ action }: { action: string }) => new URL(action).searchParams.get('state') ?? '';
/** As a browser that GitHub sends back. @returns where it is sent on to. */
const comeBack = async (state: string, { code = 'the-code', headers = operator } = {}) => {
  const { cookie = '' } = headers;
  const query = new URLSearchParams({ code, state });
  const reply = await api.send('GET', `/github/app/created?${query}`, { headers: cookie ? { cookie } : {} });
  expect(reply.status).toBe(303);
  return reply.headers.location;
};
const app = async (headers = operator) =>
  ((await api.send('GET', '/v1/github/app', { headers })).json() as { app: Record<string, unknown> | null }).app;

it('asks GitHub for an App that can do what Wherry does, and no more, at the places of this console', async () => {
  const { action, manifest } = await begin();
  expect(action).toMatch(/^https:\/\/github\.test\/organizations\/acme\/settings\/apps\/new\?state=[\w-]{43}$/);
  const base = api.settings.consoleUrl;
  expect(JSON.parse(manifest)).toMatchObject({
    ...{ name: 'Wherry (acme)', public: false, url: base, redirect_url: `${base}/github/app/created` },
    ...{ hook_attributes: { url: `${base}/github/webhooks`, active: true }, setup_url: `${base}/github/installed` },
    callback_urls: [`${base}/login/github/callback`],
    default_permissions: { contents: 'read', members: 'read', checks: 'write' },
  });
  expect(Object.keys((JSON.parse(manifest) as { default_permissions: object }).default_permissions).sort()).toEqual([
    ...['checks', 'contents', 'deployments', 'issues', 'members', 'metadata', 'pull_requests', 'statuses'],
  ]);
  const mine = await begin({ ...wish, organization: null });
  expect(mine.action).toMatch(/^https:\/\/github\.test\/settings\/apps\/new\?state=/);
  const deaf = JSON.parse((await begin({ ...wish, hasWebhooks: false })).manifest) as object;
  expect(deaf).not.toHaveProperty('hook_attributes');
  expect(deaf).not.toHaveProperty('default_events');
});

it('takes the App over once, and seals each of its keys so that only its holder opens it', async () => {
  const state = stateOf(await begin({ ...wish, isPublic: true }));
  expect(await comeBack(state)).toBe('/platform/github?registered=true');
  expect(asked.at(-1)).toMatchObject({ method: 'POST', url: '/api/v3/app-manifests/the-code/conversions' });
  expect(await app()).toMatchObject({
    ...{ slug: 'wherry-acme', owner: 'acme', isPublic: true },
    installUrl: 'https://github.com/apps/wherry-acme/installations/new',
    credentials: {
      ...{ webhookSecrets: [{ version: 1 }], privateKey: { version: 1 } },
      settingsUrl: 'https://github.test/settings/apps/wherry-acme',
    },
  });
  const logged = await api.owner(
    `select actor_kind, target, details from platform_audit_log where action = 'github_app.register' order by id desc limit 1`,
  );
  expect(logged).toMatchObject([
    { actor_kind: 'user', target: 'github_app/wherry-acme', details: { owner: 'acme', isPublic: true } },
  ]);
  const rows = await api.owner<{ kind: 'private_key'; version: number; key_id: string; sealed: Buffer }>(
    'select * from github_credentials order by kind',
  );
  const opened = async (keys: readonly KeyPair[], kind: string) => {
    const row = rows.find((one) => one.kind === kind)!;
    return Buffer.from(
      await open(keys, { keyId: row.key_id, sealed: row.sealed }, credentialPlace(row.kind, 1)),
    ).toString();
  };
  expect(rows.map(({ kind }) => kind)).toEqual(['client_secret', 'private_key', 'webhook_secret']);
  expect(await opened(api.keys, 'client_secret')).toBe('canary-client');
  expect(await opened(api.keys, 'webhook_secret')).toBe('canary-webhook');
  expect(await opened([workerKey], 'private_key')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  await expect(opened(api.keys, 'private_key')).rejects.toMatchObject({ code: 'key_unknown' });
  expect((await deliver(api, {}, { secret: 'canary-webhook' })).status).toBe(202);
  // The same way once more leads nowhere.
  expect(await comeBack(state)).toBe('/platform/github?problem=github.registration_invalid');
  expect((await begin()).type).toBe('urn:wherry:problem:github.already_registered');
});

it('takes no App from who did not begin it: another session, a member, nobody, a state that is made up or too old', async () => {
  const { userId } = await seedTenant(api.test.url('owner'), 'other');
  const before = asked.length;
  const another = await api.signIn(acme.userId);
  const member = await api.signIn(userId);
  const state = stateOf(await begin());
  expect(await comeBack(state, { headers: another })).toBe('/platform/github?problem=github.registration_invalid');
  expect(await comeBack(state, { headers: member })).toBe('/platform/github?problem=request.forbidden');
  expect(await comeBack(state, { headers: {} })).toBe('/platform/github?problem=request.unauthenticated');
  expect(await comeBack('made-up')).toBe('/platform/github?problem=github.registration_invalid');
  expect(await comeBack('x'.repeat(201))).toBe('/platform/github?problem=github.registration_invalid');
  api.clock.offsetMs = 3_600_001;
  expect(await comeBack(state)).toBe('/platform/github?problem=github.registration_invalid');
  api.clock.offsetMs = 0;
  expect(asked.length).toBe(before);
  expect(await app()).toBeNull();
});

it.each([
  ['the code is not known', { status: 404, body: { message: 'Not Found' } }],
  ['GitHub fails', { status: 500, body: 'oops' }],
  ['GitHub limits', { status: 429, body: {} }],
  ['the answer is a page', { status: 201, type: 'text/html', body: '<html>canary-client' }],
  ['a field is missing', { status: 201, body: { ...conversion(), pem: undefined } }],
  ['the key is none', { status: 201, body: { ...conversion(), pem: 'canary-client' } }],
  ['the answer is endless', { status: 201, body: 'x'.repeat(300_000) }],
  ['the connection is cut', 'hang up'],
] as const)('stores nothing when %s, and says so; the next registration works', async (_what, wrong) => {
  answer = wrong;
  expect(await comeBack(stateOf(await begin()))).toMatch(
    /^\/platform\/github\?problem=github\.(registration_failed|private_key_invalid)$/,
  );
  expect(await app()).toBeNull();
  answer = { status: 201, body: conversion() };
  expect(await comeBack(stateOf(await begin()))).toBe('/platform/github?registered=true');
  expect(JSON.stringify(api.lines)).not.toContain('canary');
});

it('stores all of the App or nothing while the worker has no key yet', async () => {
  await api.owner("update sealing_keys set retired_at = now() where holder = 'worker'");
  expect(await comeBack(stateOf(await begin()))).toBe('/platform/github?problem=platform.unavailable');
  expect([await app(), await api.owner('select 1 from github_credentials')]).toEqual([null, []]);
  workerKey = await publishWorkerKey(api);
});

it('takes an App without webhooks, and makes it a secret when it gets them', async () => {
  answer = { status: 201, body: { ...conversion(), webhook_secret: null } };
  await comeBack(stateOf(await begin({ ...wish, hasWebhooks: false })));
  expect(await app()).toMatchObject({ credentials: { webhookSecrets: [] } });
  const made = await api.send('POST', '/v1/github/app/webhook-secrets', { headers: operator, body: {} });
  expect((await deliver(api, {}, { secret: (made.json() as { value: string }).value })).status).toBe(202);
});

it('rotates the webhook secret: two at once, told once, the last one kept', async () => {
  await registerApp(api, 'the old secret');
  workerKey = await publishWorkerKey(api);
  const path = '/v1/github/app/webhook-secrets';
  const add = () => api.send('POST', path, { headers: operator, body: {} });
  const retire = async (version: number) =>
    (await api.send('DELETE', `${path}/${version}`, { headers: operator })).status;
  const made = await add();
  expect([made.status, made.json()]).toMatchObject([201, { version: 2, value: expect.stringMatching(/^[\w-]{43}$/) }]);
  const { value } = made.json() as { value: string };
  expect(JSON.stringify(await app())).not.toContain(value);
  const full = await add();
  expect([full.status, full.json()]).toMatchObject([409, { type: 'urn:wherry:problem:github.webhook_secrets_full' }]);
  for (const secret of ['the old secret', value]) expect((await deliver(api, {}, { secret })).status).toBe(202);
  expect([await retire(1), await retire(1), await retire(2), await retire(9)]).toEqual([204, 404, 409, 404]);
  api.clock.offsetMs = 1_001;
  expect((await deliver(api, {}, { secret: 'the old secret' })).status).toBe(401);
  expect((await deliver(api, {}, { secret: value })).status).toBe(202);
  api.clock.offsetMs = 0;
});

it('replaces the private key by another RSA key, and by nothing else', async () => {
  await registerApp(api, 's');
  workerKey = await publishWorkerKey(api);
  const put = (text: string) =>
    api.send('PUT', '/v1/github/app/private-key', { headers: operator, body: { pem: text } });
  expect((await put(newPrivateKeyPem())).json()).toMatchObject({ version: 2 });
  const inUse = await api.owner(
    "select version, key_id from github_credentials where kind = 'private_key' and retired_at is null",
  );
  expect(inUse).toEqual([{ version: 2, key_id: workerKey.keyId }]);
  const { generateKeyPairSync } = await import('node:crypto');
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const locked = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  });
  for (const bad of ['canary', String(ec), String(locked), newPrivateKeyPem(1024), pem.replace('MII', 'XXX')]) {
    const reply = await put(bad);
    expect([reply.status, reply.json()]).toMatchObject([
      400,
      { type: 'urn:wherry:problem:github.private_key_invalid' },
    ]);
  }
  expect(JSON.stringify(api.lines)).not.toContain('canary');
});

it('tells everybody which App it is, and only operators of its keys', async () => {
  await registerApp(api, 's');
  const { userId } = await seedTenant(api.test.url('owner'), 'reader');
  expect(await app(await api.signIn(userId))).toMatchObject({ slug: 'wherry-test', credentials: null });
});

it('forgets the App with all its keys, once', async () => {
  await registerApp(api, 's');
  const remove = async () => (await api.send('DELETE', '/v1/github/app', { headers: operator })).status;
  expect([await remove(), await remove()]).toEqual([204, 404]);
  expect([await app(), await api.owner('select 1 from github_credentials')]).toEqual([null, []]);
});

it('refuses GitHub as long as there is no sandbox', async () => {
  const bare = await startApi({ sandbox: 'none' });
  const { userId } = await seedTenant(bare.test.url('owner'), 'solo');
  await bare.owner('update users set is_operator = true where id = $1', [userId]);
  const headers = await bare.signIn(userId);
  const reply = await bare.send('POST', '/v1/github/app/registrations', { headers, body: wish });
  expect([reply.status, reply.json()]).toMatchObject([409, { type: 'urn:wherry:problem:github.sandbox_required' }]);
  await bare.close();
});

it('lets the form that registers the App be posted to GitHub, and nowhere else', async () => {
  const policy = String((await api.send('GET', '/platform/github')).headers['content-security-policy']);
  expect(policy).toContain("form-action 'self' https://github.test;");
});

it('leads whoever installed the App into the dashboard, and no further', async () => {
  const location = async (query: string) => (await api.send('GET', `/github/installed${query}`)).headers.location;
  expect(await location('?installation_id=7&setup_action=update')).toBe('/?github=update');
  expect(await location('?setup_action=https://evil.test')).toBe('/?github=install');
  expect(await location('')).toBe('/?github=install');
});
