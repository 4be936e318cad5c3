import { createVerify, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ask, pages } from './ask';
import { GithubApp } from './github-app';
import { GithubError } from './github-error';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

let server: Server;
let answer: (req: IncomingMessage, res: ServerResponse) => void;
let seen: { method: string; url: string; authorization: string }[];
let base: string;
/** The content type of answers with a token. */
let tokenType: string;
const nowMs = Date.parse('2026-01-01T00:00:00Z');

const json = (res: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) =>
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));

beforeEach(async () => {
  seen = [];
  tokenType = 'application/json';
  server = createServer((req, res) => {
    seen.push({ method: req.method ?? '', url: req.url ?? '', authorization: req.headers.authorization ?? '' });
    if (req.url?.endsWith('/access_tokens')) {
      const count = seen.filter(({ url }) => url.endsWith('/access_tokens')).length;
      const expires_at = new Date(nowMs + 3_600_000).toISOString();
      json(res, 201, { token: `ghs_${count}`, expires_at, permissions: {} }, { 'content-type': tokenType });
    } else answer(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const appOf = (timeoutMs = 5_000, installation = '/api/v3', now = () => nowMs) =>
  new GithubApp({
    ...{ appId: 42, privateKeyPem: privateKey, apiUrl: `${base}${installation}`, githubUrl: base, timeoutMs },
    now,
  });
const Repository = z.object({ id: z.int() });
const call = async (app: GithubApp, id: number) =>
  ask(app.installation(id), Repository, 'GET /repos/{owner}/{repo}', { owner: 'a', repo: 'b' });
const failure = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: GithubError) => error,
  );

describe('GithubApp', () => {
  it('signs as the App with a time that is good when the clocks are a minute apart', async () => {
    answer = (_req, res) => json(res, 200, { id: 1 });
    await ask(appOf().app, Repository, 'GET /app');
    const [, jwt = ''] = seen[0]?.authorization.split(' ') ?? [];
    const [head, claims, signature = ''] = jwt.split('.');
    const isAuthentic = createVerify('RSA-SHA256')
      .update(`${head}.${claims}`)
      .verify(publicKey, signature, 'base64url');
    expect(isAuthentic).toBe(true);
    const { iat, exp, iss } = JSON.parse(Buffer.from(claims ?? '', 'base64url').toString()) as Record<string, number>;
    expect(iss).toBe('42');
    for (const skew of [-60, 0, 60]) {
      const there = nowMs / 1000 + skew;
      expect(iat).toBeLessThan(there);
      expect(exp).toBeGreaterThan(there);
      expect(exp).toBeLessThanOrEqual(there + 600);
    }
  });

  it('asks for one token and keeps it, and for another one when GitHub does not take it any more', async () => {
    let isRevoked = false;
    answer = (req, res) =>
      isRevoked && req.headers.authorization === 'token ghs_1'
        ? json(res, 401, { message: 'Bad credentials' })
        : json(res, 200, { id: 1 });
    const app = appOf();
    await call(app, 101);
    await call(app, 101);
    isRevoked = true;
    expect(await call(app, 101)).toEqual({ id: 1 });
    const calls = seen.map(({ url, authorization }) => `${url} ${authorization.slice(0, 11)}`);
    expect(calls.filter((each) => each.includes('access_tokens'))).toHaveLength(2);
    expect(calls.at(-1)).toBe('/api/v3/repos/a/b token ghs_2');
  });

  it('does not keep an answer that is no token', async () => {
    answer = (_req, res) => json(res, 200, { id: 1 });
    tokenType = 'text/html';
    const app = appOf();
    expect(await failure(call(app, 102))).toMatchObject({ name: 'GithubError', kind: 'unreachable' });
    tokenType = 'application/json';
    expect(await call(app, 102)).toEqual({ id: 1 });
  });

  it.each([
    [401, {}, { message: 'Bad credentials' }, 'refused'],
    [403, {}, { message: 'Resource not accessible by integration' }, 'refused'],
    [404, {}, { message: 'Not Found' }, 'gone'],
    [410, {}, { message: 'Gone' }, 'gone'],
    [422, {}, { message: 'Validation Failed' }, 'invalid'],
    [429, {}, { message: 'Too many' }, 'limited'],
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(nowMs / 1000 + 90) }, {}, 'limited'],
    [403, {}, { message: 'You have exceeded a secondary rate limit.' }, 'limited'],
    [500, {}, { message: 'Oops' }, 'unreachable'],
    [502, {}, {}, 'unreachable'],
  ] as const)('tells %i with %j and %j as %s', async (status, headers, body, kind) => {
    answer = (_req, res) => json(res, status, body, headers);
    expect(await failure(call(appOf(), 200 + status))).toMatchObject({ name: 'GithubError', kind });
  });

  it('says when to try again after a limit', async () => {
    answer = (_req, res) => json(res, 429, { message: 'Slow down' }, { 'retry-after': '30' });
    expect((await failure(call(appOf(), 301))).details.retryAtMs).toBe(nowMs + 30_000);
  });

  it('makes no call of an installation that GitHub has limited before its time, and any of the others', async () => {
    let current = nowMs;
    const app = appOf(5_000, '/api/v3', () => current);
    answer = (_req, res) => json(res, 429, { message: 'Slow down' }, { 'retry-after': '30' });
    const first = await failure(call(app, 701));
    const made = seen.length;
    current += 29_999;
    const kept = await failure(call(app, 701));
    expect(kept).toMatchObject({ kind: 'limited', details: { retryAtMs: first.details.retryAtMs } });
    expect(kept.message).toContain('tried again after that');
    expect(await failure(app.installationToken(701))).toMatchObject({ kind: 'limited' });
    expect(await failure(app.repository(701, 7).request('GET /'))).toMatchObject({ kind: 'limited' });
    expect(seen).toHaveLength(made);
    answer = (_req, res) => json(res, 200, { id: 1 });
    expect(await call(app, 702)).toEqual({ id: 1 });
    current += 1;
    expect(await call(app, 701)).toEqual({ id: 1 });
  });

  it('asks again after an hour, however late GitHub wants to be asked', async () => {
    let current = nowMs;
    const app = appOf(5_000, '/api/v3', () => current);
    answer = (_req, res) => json(res, 429, { message: 'Slow down' }, { 'retry-after': '99999999' });
    await failure(call(app, 703));
    answer = (_req, res) => json(res, 200, { id: 1 });
    current += 3_600_000;
    expect(await call(app, 703)).toEqual({ id: 1 });
  });

  it.each([
    [
      'a page instead of the API',
      (res: ServerResponse) => res.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    ],
    ['an answer of another shape', (res: ServerResponse) => json(res, 200, { id: 'one' })],
    [
      'an answer that stops half way',
      (res: ServerResponse) => {
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        res.write('{"id":', () => res.destroy());
      },
    ],
    ['a cut connection', (res: ServerResponse) => res.destroy()],
    ['no answer in time', () => undefined],
  ])('takes %s for GitHub being unreachable', async (_what, reply) => {
    answer = (_req, res) => void reply(res);
    const error = await failure(call(appOf(300), 401));
    expect(error).toMatchObject({ name: 'GithubError', kind: 'unreachable' });
    expect(JSON.stringify([error.message, error.details])).not.toContain('ghs_');
  });

  it('reaches a repository by its number, whoever has its name', async () => {
    answer = (_req, res) => json(res, 200, { id: 7 });
    const client = appOf().repository(601, 7);
    const names = { owner: 'a', repo: 'b' };
    await ask(client, Repository, 'GET /repos/{owner}/{repo}', names);
    await ask(client, Repository, 'GET /repos/{owner}/{repo}/contents/{+path}', { ...names, path: 'x/y', ref: 'z' });
    expect(seen.slice(-2).map(({ url }) => url)).toEqual([
      '/api/v3/repositories/7',
      '/api/v3/repositories/7/contents/x/y?ref=z',
    ]);
  });

  it.each([-300, 300, -3_600, 3_600])('is understood by a GitHub whose clock is %d s ahead', async (aheadSeconds) => {
    // octokit compares the answer's date with the clock of the machine.
    const there = new Date(performance.timeOrigin + performance.now() + aheadSeconds * 1000).toUTCString();
    answer = (req, res) => {
      const claims = req.headers.authorization?.split('.')[1] ?? '';
      const { iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, number>;
      const now = nowMs / 1000 + aheadSeconds;
      const refuse = (message: string) => json(res, 401, { message }, { date: there });
      if ((iat ?? 0) > now)
        refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
      else if ((exp ?? 0) <= now)
        refuse(
          "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        );
      else if ((exp ?? 0) > now + 600) refuse("'Expiration time' claim ('exp') is too far in the future");
      else json(res, 200, { id: 1 }, { date: there });
    };
    expect(await ask(appOf().app, Repository, 'GET /app')).toEqual({ id: 1 });
  });

  it('follows pages, and takes its credential to no other server', async () => {
    const elsewhere = createServer((_req, res) => json(res, 200, []));
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const other = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    const links = [`<${base}/api/v3/things?page=2>; rel="next", <x>; rel="last"`, `<${other}/things>; rel="next"`];
    answer = (_req, res) => json(res, 200, [{ id: 1 }], { link: links.shift() ?? '' });
    const found: unknown[] = [];
    const all = async () => {
      for await (const page of pages(appOf().installation(501), z.array(Repository), 'GET /things')) found.push(page);
    };
    const error = await failure(all());
    elsewhere.close();
    expect(found).toHaveLength(2);
    expect(error.kind).toBe('unreachable');
    expect(seen.at(-1)?.url).toBe('/api/v3/things?page=2');
  });
});
