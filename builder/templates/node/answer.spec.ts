import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CallServer } from '../../watchdog/call-server';
import { readLimits } from '../../watchdog/limits';
import { callTo, type Call } from '../testing/call';
import { answer, type Handler } from './answer';
import { readBodyRules } from './event';

const folder = mkdtempSync(path.join(tmpdir(), 'wherry-answer-'));
const require = createRequire(import.meta.url);
let count = 0;

afterAll(() => rmSync(folder, { recursive: true }));

/** Answers with a handler of this code, in this process. `log` holds what a developer finds in the log. */
async function start(code: string, env: Readonly<Record<string, string>> = {}) {
  const handler = new Function('require', `return (${code});`)(require) as Handler;
  const log: string[] = [];
  const rules = { limits: readLimits(env), body: readBodyRules(env), log: (text: string) => void log.push(text) };
  const server = new CallServer(rules.limits, (request, response) => void answer(handler, request, response, rules));
  const socket = path.join(folder, `${(count += 1)}.sock`);
  server.listen({ WHERRY_LISTEN: socket });
  await expect.poll(() => callTo(socket, '/_/ready').catch(() => null), { interval: 1 }).toMatchObject({ status: 200 });
  return { log, call: (target: string, call?: Call) => callTo(socket, target, call) };
}

const answerOf = async (code: string) => (await start(code)).call('/');
/** What the handler is given as body, and its type. */
const tellBody = `async ({ body }) => ({ type: Buffer.isBuffer(body) ? 'Buffer' : typeof body, body })`;

describe('what a handler is given', () => {
  it.each([
    { type: 'application/json', sent: '{"a":[1]}', expected: { type: 'object', body: { a: [1] } } },
    { type: 'application/cloudevents+json', sent: '{"a":1}', expected: { type: 'object', body: { a: 1 } } },
    { type: 'text/plain; charset=utf-8', sent: 'grüße', expected: { type: 'string', body: 'grüße' } },
    {
      type: 'application/x-www-form-urlencoded',
      sent: 'a=1&b=x+y',
      expected: { type: 'object', body: { a: '1', b: 'x y' } },
    },
    { type: 'image/png', sent: 'PNG', expected: { type: 'Buffer', body: { type: 'Buffer', data: [80, 78, 71] } } },
  ])('reads a body of type $type', async ({ type, sent, expected }) => {
    const server = await start(tellBody);
    const reply = await server.call('/', { body: sent, headers: { 'content-type': type } });
    expect(JSON.parse(reply.text)).toEqual(expected);
  });

  it('takes a body without a type for text, and an absent one for an empty text', async () => {
    const server = await start(tellBody);
    expect(JSON.parse((await server.call('/', { body: 'plain' })).text)).toEqual({ type: 'string', body: 'plain' });
    expect(JSON.parse((await server.call('/')).text)).toEqual({ type: 'string', body: '' });
  });

  it('gives every body as a Buffer with RAW_BODY=true', async () => {
    const server = await start(tellBody, { RAW_BODY: 'true' });
    const reply = await server.call('/', { body: '{}', headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(reply.text)).toEqual({ type: 'Buffer', body: { type: 'Buffer', data: [123, 125] } });
  });

  it('answers 400 to broken JSON and 413 to more than the limit, and goes on', async () => {
    const server = await start(tellBody, { MAX_JSON_SIZE: '1kb' });
    const headers = { 'content-type': 'application/json' };
    expect(await server.call('/', { body: '{', headers })).toMatchObject({ status: 400 });
    const large = await server.call('/', { body: Buffer.alloc(5_000_000, '1'), headers });
    expect(large.status).toBe(413);
    expect(large.text).toContain('MAX_JSON_SIZE');
    expect((await server.call('/', { body: '{}', headers })).status).toBe(200);
  });

  it('leaves the path as it was sent, and lists names of the query that come twice', async () => {
    const server = await start(`async ({ path, query }) => ({ path, query })`);
    const reply = await server.call('//a%20b/../c?x=1&x=2&__proto__=y&z=a+b');
    expect(JSON.parse(reply.text)).toEqual({
      path: '//a%20b/../c',
      query: JSON.parse('{"x":["1","2"],"__proto__":"y","z":"a b"}') as unknown,
    });
  });
});

describe('how a handler answers', () => {
  it.each([
    {
      code: `async (e, context) => context.status(201).headers({ 'x-a': 'b' }).succeed('made')`,
      status: 201,
      text: 'made',
    },
    { code: `async () => 'returned'`, status: 200, text: 'returned' },
    { code: `async (e, context) => { context.status(202); return 'both'; }`, status: 202, text: 'both' },
    { code: `async () => undefined`, status: 200, text: '' },
    { code: `() => {}`, status: 200, text: '' },
    { code: `async (e, context) => { context.succeed('first'); return 'second'; }`, status: 200, text: 'first' },
    { code: `async (e, context) => context.fail('bad')`, status: 500, text: 'bad' },
    { code: `async (e, context) => context.status(418).fail('teapot')`, status: 418, text: 'teapot' },
    { code: `async (e, context) => context.fail(new Error('bad'))`, status: 500, text: 'Error: bad' },
    { code: `async () => { throw new Error('thrown'); }`, status: 500, text: 'Error: thrown' },
    { code: `(e, c, callback) => void setTimeout(() => callback(null, 'later'), 1)`, status: 200, text: 'later' },
    { code: `(e, c, callback) => callback(new Error('late'))`, status: 500, text: 'Error: late' },
    {
      code: `async (e, context) => context.status(302).headers({ location: '/there' }).succeed()`,
      status: 302,
      text: '',
    },
    {
      code: `async (e, context) => String(context.status() + Object.keys(context.headers()).length)`,
      status: 200,
      text: '200',
    },
  ])('$code gives $status', async ({ code, status, text }) => {
    expect(await answerOf(code)).toMatchObject({ status, text });
  });

  it('sends objects as JSON, text as HTML, and bytes as they are', async () => {
    const server = await start(
      `async ({ path }) => ({ '/o': { a: 1 }, '/t': 'text', '/b': Buffer.from([0, 255]) })[path]`,
    );
    expect(await server.call('/o')).toMatchObject({ text: '{"a":1}', headers: { 'content-type': 'application/json' } });
    expect((await server.call('/t')).headers['content-type']).toBe('text/html; charset=utf-8');
    expect([...(await server.call('/b')).body]).toEqual([0, 255]);
  });

  it('answers 500 and logs the reason for what cannot be sent', async () => {
    const server = await start(`async ({ path }, context) => {
      const circle = {};
      circle.circle = circle;
      return {
        '/words': () => context.status('many').succeed('x'),
        '/status': () => context.status(99).succeed('x'),
        '/name': () => context.headers({ 'bad name': 'x' }).succeed('x'),
        '/break': () => context.headers({ a: 'x\\r\\nb: y' }).succeed('x'),
        '/circle': () => circle,
        '/big': () => ({ big: 1n }),
        '/function': () => () => 'x',
      }[path]();
    }`);
    for (const path of ['/words', '/status', '/name', '/break', '/circle', '/big', '/function']) {
      const { status, text } = await server.call(path);
      expect([path, status, text]).toEqual([
        path,
        500,
        'The function gave an answer that cannot be sent. Its log tells why.',
      ]);
      expect(server.log.pop()).toContain("The handler's answer cannot be sent:");
    }
  });

  it('sends streams of Node and of the web, and cuts the reply when one breaks', async () => {
    const server = await start(`async ({ path }) => {
      const { Readable } = require('node:stream');
      async function* broken() { yield 'half'; throw new Error('the rope tore'); }
      return { '/node': Readable.from(['a', 'b']), '/web': new Blob(['web']).stream(), '/broken': broken() }[path];
    }`);
    expect((await server.call('/node')).text).toBe('ab');
    expect((await server.call('/web')).text).toBe('web');
    await expect(server.call('/broken')).rejects.toThrow(/socket hang up|aborted/);
    expect(server.log).toEqual([expect.stringContaining('the rope tore')]);
  });
});
