import { randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { ConsoleGithubAppStore, platformActor } from '@wherry/db';
import { credentialPlace, seal } from '@wherry/sealing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deliver, registerApp, sign } from '../testing/github-app';
import { startApi, type Harness } from '../testing/harness';

const secret = 'the webhook secret';
let api: Harness;

beforeAll(async () => {
  api = await startApi();
  await registerApp(api, secret);
});
afterAll(() => api.close());

const rowsOf = (id: string) =>
  api.owner<{ event: string; status: string; body: Buffer }>('select * from github_deliveries where id = $1', [id]);
const jobsOf = async (id: string) =>
  (await api.owner("select 1 from pgboss.job where name = 'delivery' and data ->> 'deliveryId' = $1", [id])).length;
const countRows = async () =>
  (await api.owner<{ n: number }>('select count(*)::int as n from github_deliveries'))[0]!.n;
const typeOf = (reply: { json: () => unknown }) => (reply.json() as { type: string }).type.split(':').at(-1);

it('stores the very bytes with what the list shows, and the job that handles them, before it says 202', async () => {
  const id = randomUUID();
  const raw = '{ "action": "opened", "installation": {"id": 7}, "repository": {"id": 9007199254740991}, "ü": "✓" }\n';
  const reply = await deliver(api, raw, { id, event: 'pull_request', secret });
  expect([reply.status, reply.text]).toEqual([202, '']);
  const [row] = await rowsOf(id);
  expect(row).toMatchObject({
    ...{ event: 'pull_request', action: 'opened', installation_id: '7', github_repository_id: '9007199254740991' },
    ...{ status: 'received', tenant_id: null, attempts: 0 },
  });
  expect(row!.body.toString()).toBe(raw);
  expect(await jobsOf(id)).toBe(1);
});

it('takes a delivery once, however often and in whatever state it comes again', async () => {
  const id = randomUUID();
  const first = { installation: { id: 1 } };
  const replies = await Promise.all(Array.from({ length: 8 }, () => deliver(api, first, { id, secret })));
  expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(202));
  await api.owner("update github_deliveries set status = 'done' where id = $1", [id]);
  expect((await deliver(api, { installation: { id: 2 } }, { id: id.toUpperCase(), secret })).status).toBe(202);
  expect(await rowsOf(id)).toMatchObject([{ status: 'done', installation_id: '1' }]);
  expect(await jobsOf(id)).toBe(1);
});

it('answers whoever cannot sign with 401, and keeps no row of it', async () => {
  const before = await countRows();
  const body = '{"zen":"x"}';
  const good = sign(body, secret);
  const flipped = good.slice(0, -1) + (good.endsWith('0') ? '1' : '0');
  const wrong = [sign(body, 'another secret'), sign(`${body} `, secret), flipped, good.slice(0, -2), '', 'sha256='];
  const old = `sha1=${good.slice(7, 47)}`;
  for (const signature of [...wrong, old, good.toUpperCase(), `${good}00`, good.slice(7)]) {
    const reply = await deliver(api, body, { secret, headers: { 'x-hub-signature-256': signature } });
    expect([signature, reply.status, typeOf(reply)]).toEqual([signature, 401, 'github.signature_invalid']);
  }
  expect(await countRows()).toBe(before);
});

it('checks the bytes as they came: the same JSON written differently does not fit its signature', async () => {
  const signature = sign('{"a": 1}', secret);
  for (const raw of ['{"a":1}', '{"a": 1}\n', '﻿{"a": 1}', '{"a": 1']) {
    expect((await deliver(api, raw, { secret, headers: { 'x-hub-signature-256': signature } })).status).toBe(401);
  }
});

it('takes both secrets while one replaces the other, and only the new one afterwards', async () => {
  const store = new ConsoleGithubAppStore(api.database);
  const made = await store.add(platformActor, 'webhook_secret', 2, (kind, version, publicKey) =>
    seal(publicKey, { ...credentialPlace(kind, version), value: Buffer.from('the next secret') }),
  );
  const statuses = async () => {
    const replies = [await deliver(api, {}, { secret }), await deliver(api, {}, { secret: 'the next secret' })];
    return replies.map(({ status }) => status);
  };
  expect(await statuses()).toEqual([202, 202]);
  await store.retire(platformActor, 'webhook_secret', made!.version - 1);
  api.clock.offsetMs += 1_001; // how long another process may still know it
  expect(await statuses()).toEqual([401, 202]);
  await registerApp(api, secret);
});

it('refuses headers that GitHub never sends, and stores nothing', async () => {
  const before = await countRows();
  const bad: Record<string, string>[] = [
    { 'x-github-event': '' },
    { 'x-github-event': 'Push' },
    { 'x-github-event': "push'; drop table" },
    { 'x-github-event': 'x'.repeat(65) },
    { 'x-github-delivery': '' },
    { 'x-github-delivery': '../../etc' },
    { 'x-github-delivery': `${randomUUID()}0` },
  ];
  for (const headers of bad) expect((await deliver(api, {}, { secret, headers })).status).toBe(400);
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data', '']) {
    const reply = await deliver(api, 'payload=%7B%7D', { secret, headers: { 'content-type': type } });
    expect([type, reply.status, typeOf(reply)]).toEqual([type, 415, 'request.unsupported_type']);
  }
  expect(await countRows()).toBe(before);
});

it.each([
  ['truncated JSON', Buffer.from('{"action": "opened", "reposi')],
  ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['an array', Buffer.from('[]')],
  ['nothing', Buffer.alloc(0)],
])('stores what is signed and yet %s as failed with the reason, and says 400', async (_what, raw) => {
  const id = randomUUID();
  const reply = await deliver(api, raw, { id, secret });
  expect([reply.status, typeOf(reply)]).toEqual([400, 'request.invalid']);
  expect(await rowsOf(id)).toMatchObject([{ status: 'failed', outcome: 'Its body is not a JSON object.', body: raw }]);
  expect(await jobsOf(id)).toBe(0);
});

it('stores events and payloads that it does not know, with nothing where it finds nothing', async () => {
  const id = randomUUID();
  const odd = { action: 'with\u0000nul', installation: 'x', repository: { id: '12' } };
  expect((await deliver(api, odd, { id, event: 'not_known_yet', secret })).status).toBe(202);
  expect(await rowsOf(id)).toMatchObject([
    { event: 'not_known_yet', action: null, installation_id: null, github_repository_id: null, status: 'received' },
  ]);
});

it('takes what GitHub sends at most, and refuses one byte more without reading it', async () => {
  const most = 25 * 1_048_576;
  const id = randomUUID();
  const filled = Buffer.from(`{"fill":"${'x'.repeat(most - 11)}"}`);
  expect(filled.length).toBe(most);
  expect((await deliver(api, filled, { id, secret })).status).toBe(202);
  expect((await rowsOf(id))[0]!.body.equals(filled)).toBe(true);
  const reply = await deliver(api, '{}', { secret, headers: { 'content-length': String(most + 1) } });
  expect([reply.status, typeOf(reply)]).toEqual([413, 'request.too_large']);
});

it('needs no host, cookie or page of the console, as GitHub has none of them', async () => {
  const headers = { host: 'hooks.example.com', origin: 'https://evil.test', cookie: 'wherry_session=x' };
  expect((await deliver(api, {}, { secret, headers })).status).toBe(202);
});

it('takes nothing as long as no App is registered', async () => {
  await new ConsoleGithubAppStore(api.database).unregister(platformActor);
  api.clock.offsetMs += 1_001;
  const before = await countRows();
  expect((await deliver(api, {}, { secret })).status).toBe(401);
  expect((await deliver(api, {}, { secret: '' })).status).toBe(401);
  expect(await countRows()).toBe(before);
  await registerApp(api, secret);
  expect((await deliver(api, {}, { secret })).status).toBe(202); // the very next one, although none was known before
});

it('says 503 and when to come again while the database does not take it, and loses nothing then', async () => {
  const id = randomUUID();
  await api.owner('revoke insert on github_deliveries from wherry_api');
  const reply = await deliver(api, {}, { id, secret });
  await api.owner('grant insert on github_deliveries to wherry_api');
  expect([reply.status, reply.headers['retry-after'], typeOf(reply)]).toEqual([503, '5', 'platform.unavailable']);
  expect((await deliver(api, {}, { id, secret })).status).toBe(202);
  expect(await jobsOf(id)).toBe(1);
});

it('logs that a webhook came, and nothing of its content or its secret', async () => {
  const from = api.lines.length;
  await deliver(api, { canary: 'in-the-body' }, { secret });
  await expect.poll(() => api.lines.slice(from).map(({ op }) => op)).toContain('github.receive');
  expect(JSON.stringify(api.lines)).not.toMatch(/in-the-body|the webhook secret/);
});

it('answers other methods as any path that is not there', async () => {
  const reply = await new Promise<IncomingMessage>((resolve) => {
    httpRequest(
      { host: '127.0.0.1', port: api.port, path: '/github/webhooks', method: 'PUT', agent: false },
      resolve,
    ).end();
  });
  expect(reply.statusCode).not.toBe(202);
  reply.resume();
});
