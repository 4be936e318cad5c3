import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Harness } from '../testing/harness';

let api: Harness;
let folder: string;
let git: Server;
/** What the stand-in for the git service does with the next request. */
let onGit: (request: IncomingMessage, reply: import('node:http').ServerResponse) => void;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-front-'));
  await mkdir(join(folder, 'web/assets'), { recursive: true });
  await writeFile(join(folder, 'web/index.html'), '<!doctype html>the page');
  await writeFile(join(folder, 'web/assets/app-1a2b.js'), 'the script');
  await writeFile(join(folder, 'web/.env'), 'hidden');
  await writeFile(join(folder, 'outside'), 'outside');
  const gitSocket = join(folder, 'git.sock');
  git = createServer((request, reply) => onGit(request, reply)).listen(gitSocket);
  api = await startApi({ settings: { gitAddress: { socketPath: gitSocket }, dashboardDir: join(folder, 'web') } });
});
afterAll(async () => {
  await api.close();
  await new Promise((resolve) => git.close(resolve));
  await rm(folder, { recursive: true });
});

it('refuses a NUL in any part of a URL, before anything looks for it', async () => {
  for (const path of ['/v1/tenants/a%00b/functions', '/v1/tenants/acme/functions/f/logs?text=%00', '/%00']) {
    expect((await api.send('GET', path)).status).toBe(400);
  }
});

it('answers under its own host name only, everywhere but for git', async () => {
  for (const host of ['evil.test', `acme.localhost:${api.port}`, '127.0.0.1', `127.0.0.1.:${api.port}`]) {
    for (const path of ['/', '/v1/session', '/assets/app-1a2b.js']) {
      expect((await api.send('GET', path, { headers: { host } })).status).toBe(421);
    }
  }
  onGit = (_request, reply) => reply.end('git');
  expect((await api.send('GET', '/git/acme/x.git/info/refs', { headers: { host: 'evil.test' } })).text).toBe('git');
});

it('serves the page for every place within it, and forbids it all that pages of elsewhere could use', async () => {
  for (const path of ['/', '/login', '/functions/hello', '/deployments/dep_1?tab=log']) {
    const reply = await api.send('GET', path);
    expect([path, reply.status, reply.text]).toEqual([path, 200, '<!doctype html>the page']);
    expect(reply.headers['cache-control']).toBe('no-cache');
    const policy = String(reply.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(reply.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(reply.headers['x-powered-by']).toBeUndefined();
  }
});

it('lets browsers keep files whose name holds their hash, and finds no other file', async () => {
  const asset = await api.send('GET', '/assets/app-1a2b.js');
  expect([asset.text, asset.headers['cache-control']]).toEqual(['the script', 'public, max-age=31536000, immutable']);
  expect((await api.send('GET', '/assets/app-gone.js')).status).toBe(404);
  for (const path of ['/../outside', '/%2e%2e/outside', '/assets/..%2f..%2foutside', '/.env', '/%2e%2e%2foutside']) {
    expect((await api.send('GET', path)).text).not.toMatch(/^(outside|hidden)$/);
  }
  expect((await api.send('POST', '/login', { body: {} })).status).toBe(404);
});

it('says what to do when the dashboard was not built', async () => {
  const bare = await startApi();
  const reply = await bare.send('GET', '/');
  expect([reply.status, reply.text]).toEqual([404, 'The dashboard is not built yet: run `npm run build`.\n']);
  await bare.close();
});

it('answers unknown and unreadable paths of the API with a problem, never with the page', async () => {
  for (const [path, status] of [
    ['/v1', 404],
    ['/v1/', 404],
    ['/v1/nothing', 404],
    ['/v1/tenants/%/functions', 400],
    ['/v1/%ff', 404],
  ] as const) {
    const reply = await api.send('GET', path);
    expect([path, reply.status, reply.headers['content-type']]).toEqual([path, status, 'application/problem+json']);
    expect(reply.headers['cache-control']).toBe('no-store');
  }
  expect((await api.send('PATCH', '/v1/session', { body: {} })).status).toBe(404);
});

it('writes one line for each request, with its id, outcome and cause', async () => {
  const before = api.lines.length;
  const reply = await api.send('GET', '/v1/session');
  await expect.poll(() => api.lines.length).toBe(before + 1);
  expect(api.lines.at(-1)).toMatchObject({
    ...{ op: 'api.getSession', ok: false, status: 401, errorCode: 'request.unauthenticated' },
    ...{ requestId: reply.headers['x-request-id'], durationMs: expect.any(Number) },
  });
});

it('passes git both ways as it streams, with the id of the request and without the cookie of the console', async () => {
  const seen: { url?: string; cookie?: string; authorization?: string; parts: string[] } = { parts: [] };
  let reply: import('node:http').ServerResponse | undefined;
  onGit = (request, response) => {
    reply = response;
    Object.assign(seen, { url: request.url, ...request.headers });
    request.setEncoding('utf8').on('data', (text: string) => {
      seen.parts.push(text);
      response.write(`got ${text}`);
    });
    request.on('end', () => response.end('done'));
  };
  const request = httpRequest({
    ...{ port: api.port, host: '127.0.0.1', method: 'POST', path: '/git/acme/a.git/git-receive-pack?x=%2F..' },
    headers: {
      ...{ cookie: 'wherry_session=secret; other=1', authorization: 'Basic eDp5', host: 'any' },
      'x-request-id': 'made-up',
    },
  });
  request.flushHeaders();
  request.write('first');
  const answer = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
  const chunks = answer.setEncoding('utf8')[Symbol.asyncIterator]();
  // Answered while the request is still open: nothing waits for its end.
  expect((await chunks.next()).value).toBe('got first');
  request.end('second');
  const rest: string[] = [];
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) rest.push(next.value as string);
  expect(rest.join('')).toBe('got seconddone');
  expect(seen).toMatchObject({
    url: '/git/acme/a.git/git-receive-pack?x=%2F..',
    cookie: 'other=1',
    authorization: 'Basic eDp5',
    'x-request-id': answer.headers['x-request-id'],
  });
  expect(answer.headers['x-request-id']).toMatch(/^[-0-9a-f]{36}$/);
  expect(reply?.writableFinished).toBe(true);
});

it('passes git to a service on the network as to one on a socket', async () => {
  const remote = createServer((request, reply) => void reply.end(`${request.method} ${request.url}`));
  await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve));
  const { port } = remote.address() as AddressInfo;
  const networked = await startApi({ settings: { gitAddress: { host: '127.0.0.1', port } } });
  const path = '/git/acme/a.git/info/refs?service=git-upload-pack';
  expect((await networked.send('GET', path)).text).toBe(`GET ${path}`);
  await new Promise((resolve) => remote.close(resolve));
  expect((await networked.send('GET', path)).status).toBe(503);
  await networked.close();
});

it('passes bodies of many megabytes through to git', async () => {
  let byteCount = 0;
  onGit = (request, reply) => {
    request.on('data', (chunk: Buffer) => (byteCount += chunk.length)).on('end', () => reply.end(String(byteCount)));
  };
  const raw = Buffer.alloc(20 * 1_048_576, 1);
  expect((await api.send('POST', '/git/acme/a.git/git-receive-pack', { raw })).text).toBe(String(raw.length));
});

it('tells git when a client leaves, and clients when git does', async () => {
  const left = new Promise<void>((resolve) => {
    onGit = (request) => request.once('close', resolve);
  });
  const request = httpRequest({ port: api.port, host: '127.0.0.1', method: 'POST', path: '/git/acme/a.git/x' });
  request.on('error', () => undefined);
  request.write('begun');
  await new Promise((resolve) => git.once('request', resolve));
  request.destroy();
  await left;

  onGit = (_request, reply) => {
    reply.write('half', () => reply.socket?.destroy());
  };
  await expect(api.send('GET', '/git/acme/a.git/x')).rejects.toThrow(/aborted|hang up|reset/);
});

it('says that git is not available while its service is down, and that nothing was lost', async () => {
  const down = await startApi();
  const reply = await down.send('GET', '/git/acme/a.git/info/refs');
  expect([reply.status, reply.headers['retry-after']]).toEqual([503, '1']);
  expect(reply.text).toContain('Nothing was lost');
  await down.close();
});
