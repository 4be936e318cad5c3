import { callIdMark } from '@wherry/contract';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemplateProcess, type Files } from './testing/template-process';

const handlers = path.join(import.meta.dirname, 'testing', 'handlers');
const mark = (callId: string) => `${callIdMark.start}${callId}${callIdMark.end}`;
const errorMark = (callId: string) => mark(`${callIdMark.error}${callId}`);
const running: TemplateProcess[] = [];
const start = async (lang: string, env: Files = {}) => {
  const started = await TemplateProcess.start(lang, handlers, env);
  running.push(started);
  return started;
};

afterAll(() => Promise.all(running.map((one) => one.destroy())));

/** What a function may rely on in every language: the runtime half of the contract with its developer. */
describe.each([
  { lang: 'node', timedOut: 504 },
  { lang: 'python3-http', timedOut: 504 },
  { lang: 'bash', timedOut: 408 },
])('the $lang template', ({ lang, timedOut }) => {
  let server: TemplateProcess;
  beforeAll(async () => {
    server = await start(lang);
  });

  it('says that it is healthy and ready, to GET only', async () => {
    expect(await server.call('/_/health')).toMatchObject({ status: 200, text: 'OK' });
    expect(await server.call('/_/ready')).toMatchObject({ status: 200, text: '' });
    expect(await server.call('/_/health', { method: 'POST' })).toMatchObject({ status: 405 });
  });

  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'gives the function a %s with its path, query and headers',
    async (method) => {
      const reply = await server.call('/about?word=blue', { method, headers: { 'x-colour': 'green' } });
      expect(reply).toMatchObject({ status: 200, text: `${method} /about blue green` });
      expect(reply.headers['x-duration-seconds']).toMatch(/^\d+\.\d{6}$/);
    },
  );

  it('answers HEAD with the length that the body would have, and no body', async () => {
    const reply = await server.call('/about?word=blue', { method: 'HEAD', headers: { 'x-colour': 'green' } });
    expect(reply).toMatchObject({ status: 200, text: '' });
    expect(reply.headers['content-length']).toBe(String('HEAD /about blue green'.length));
  });

  it('passes 10 MB of bytes in and out unchanged', async () => {
    const body = randomBytes(10_000_000);
    const reply = await server.call('/echo', { body, headers: { 'content-type': 'application/octet-stream' } });
    expect(reply.status).toBe(200);
    expect(sha(reply.body)).toBe(sha(body));
  });

  it('answers a call whose body the function does not read', async () => {
    const reply = await server.call('/drop', { body: Buffer.alloc(3_000_000) });
    expect(reply).toMatchObject({ status: 200, text: 'dropped' });
  });

  it('takes a body of unknown length', async () => {
    const headers = { 'transfer-encoding': 'chunked', 'content-type': 'text/plain' };
    expect(await server.call('/echo', { method: 'POST', headers, body: 'in chunks' })).toMatchObject({
      text: 'in chunks',
    });
  });

  it('sends the first part of a reply before the function has made the second', async () => {
    const own = await start(lang);
    const reply = await own.call('/stream', {
      onReply: (incoming) => incoming.once('data', () => own.open('gate')),
    });
    expect(reply.text).toBe('first\nsecond\n');
  });

  it('handles calls at the same time', async () => {
    const replies = await Promise.all(['a', 'b', 'c'].map((word) => server.call(`/meet?word=${word}`)));
    expect(replies.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
  });

  it('marks every line with the call that wrote it, also when calls overlap', async () => {
    const own = await start(lang);
    const calls = ['ann', 'bob'].map((word) =>
      own.call(`/say?word=${word}`, { headers: { 'x-call-id': `call-${word}` } }),
    );
    await Promise.all([own.printed('ann says two'), own.printed('bob says two')]);
    own.open('gate');
    await Promise.all(calls);
    await Promise.all([own.printed('ann complains'), own.printed('bob complains')]);
    const lines = own.output.split('\n').filter((line) => /(ann|bob) (says|complains)/.test(line));
    const expected = ['ann', 'bob'].flatMap((word) =>
      ['says one', 'says two', 'complains'].map((text) => {
        // The standard output of a forked program is its reply: all that it logs is on standard error.
        const markOf = lang === 'bash' || text === 'complains' ? errorMark : mark;
        return `${markOf(`call-${word}`)}${word} ${text}`;
      }),
    );
    expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  it('answers 500 for a handler that fails, logs the reason with the call, and goes on', async () => {
    const reply = await server.call('/fail', { headers: { 'x-call-id': 'call-fail' } });
    expect(reply.status).toBe(500);
    await server.printed('the anchor is missing');
    const line = server.output.split('\n').find((one) => one.includes('the anchor is missing'));
    expect(line).toContain(errorMark('call-fail'));
    expect((await server.call('/drop')).status).toBe(200);
  });

  it('ends a call that takes longer than exec_timeout, and says so in the log', async () => {
    // Long enough for a call that takes no time, on a machine that is busy.
    const own = await start(lang, { exec_timeout: '1500ms' });
    const reply = await own.call('/hang');
    expect(reply.status).toBe(timedOut);
    expect(reply.headers['x-openfaas-internal']).toBe('of-watchdog');
    await own.printed('exec_timeout');
    expect((await own.call('/drop')).text).toBe('dropped');
  });

  it('lets a caller shorten the time of its call, and not lengthen it', async () => {
    const own = await start(lang, { exec_timeout: '300ms' });
    expect((await own.call('/hang', { headers: { 'x-timeout': '50ms' } })).status).toBe(timedOut);
    expect((await own.call('/hang', { headers: { 'x-timeout': '1h' } })).status).toBe(timedOut);
  });

  it('refuses more calls at once than max_inflight, but not its health', async () => {
    const own = await start(lang, { max_inflight: '1' });
    const first = own.call('/wait');
    await own.printed('waiting');
    const second = await own.call('/drop');
    expect(second).toMatchObject({
      status: 429,
      text: 'Concurrent request limit exceeded. Max concurrent requests: 1',
    });
    expect(second.headers['x-openfaas-internal']).toBe('faas-middleware');
    expect((await own.call('/_/ready')).status).toBe(429);
    expect((await own.call('/_/health')).status).toBe(200);
    own.open('gate');
    expect((await first).text).toBe('waited');
    // A caller may have the whole reply a moment before its call is counted as over.
    await expect.poll(async () => (await own.call('/drop')).status).toBe(200);
  });

  it('finishes the calls in flight after SIGTERM, says 503 meanwhile, and ends by itself', async () => {
    const own = await start(lang);
    const call = own.call('/wait');
    await own.printed('waiting');
    own.signal('SIGTERM');
    await expect.poll(async () => (await own.call('/_/health')).status).toBe(503);
    own.open('gate');
    expect(await call).toMatchObject({ status: 200, text: 'waited' });
    expect(await own.ended).toBe(0);
  });

  it('ends at once after SIGTERM when it is idle', async () => {
    const own = await start(lang);
    own.signal('SIGTERM');
    expect(await own.ended).toBe(0);
  });

  it('takes the place of a socket that a killed server left behind', async () => {
    const own = await start(lang);
    own.signal('SIGKILL');
    await own.ended;
    const next = await TemplateProcess.start(lang, handlers, {}, own.folder);
    running.push(next);
    expect((await next.call('/drop')).text).toBe('dropped');
  });

  it('brings a skeleton that answers', async () => {
    const own = await TemplateProcess.start(lang, path.join(import.meta.dirname, lang, 'function'));
    running.push(own);
    const reply = await own.call('/some/path', { body: 'ahoy', headers: { 'content-type': 'text/plain' } });
    expect([reply.status, reply.text]).toEqual([200, expect.stringMatching(/POST[^]*\/some\/path[^]*ahoy/)]);
  });

  it('does not start without its handler, and says what is missing', async () => {
    const own = await TemplateProcess.spawn(lang, {});
    running.push(own);
    expect(await own.ended).toBe(1);
    expect(own.output).toMatch(/handler/);
  });
});

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
