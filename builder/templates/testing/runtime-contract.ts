import { callIdMark } from '@wherry/contract';
import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Call, Reply } from './call';

export type Environment = Readonly<Record<string, string>>;

/** One replica of a function, wherever it runs. */
export interface RunningFunction {
  /** All that it has printed. */
  readonly output: string;
  /** Its exit code, when all that it printed has arrived; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  call(target: string, call?: Call): Promise<Reply>;
  /** Resolves when the output has `text`. */
  printed(text: string): Promise<void>;
  /** Makes a file that handlers under test wait for. */
  open(gate: string): void | Promise<void>;
  /** Asks it to end, as the platform does: by SIGTERM. */
  stop(): void | Promise<void>;
}

/** A way to run functions. Whoever opened it ends all that it started. */
export interface ContractFixture {
  /** The handler of the suite, or the one that a new function begins with. Waits until it is healthy. */
  start(lang: string, handler: 'suite' | 'skeleton', env?: Environment): Promise<RunningFunction>;
  /** Waits for nothing. */
  startWithoutHandler(lang: string): Promise<RunningFunction>;
  /** Starts a replica where one was killed; or why there is no such thing. */
  readonly replaceKilled: ((lang: string) => Promise<RunningFunction>) | Readonly<{ why: string }>;
}

/** With the status of a call that took too long. */
export const languages = [
  { lang: 'node', timedOut: 504 },
  { lang: 'python3-http', timedOut: 504 },
  { lang: 'bash', timedOut: 408 },
];
type Subject = Readonly<{
  lang: string;
  timedOut: number;
  /** One for all tests that leave it as it was. */
  server: () => RunningFunction;
  start: (env?: Environment) => Promise<RunningFunction>;
  fixture: () => ContractFixture;
}>;

/** It may take a while to arrive where the function runs. */
const soon = { timeout: 15_000 };
const mark = (callId: string) => `${callIdMark.start}${callId}${callIdMark.end}`;
const errorMark = (callId: string) => mark(`${callIdMark.error}${callId}`);
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/**
 * What a function may rely on in every language: the runtime half of the contract with its developer. Templates may be
 * tested side by side, by a concurrent suite around this; the tests of one are run one after the other.
 */
export function runtimeContract(fixture: () => ContractFixture): void {
  describe.each(languages)('the $lang template', ({ lang, timedOut }) => {
    let server: RunningFunction;
    const start = (env?: Environment) => fixture().start(lang, 'suite', env);
    beforeAll(async () => {
      server = await start();
    });
    const subject: Subject = { lang, timedOut, server: () => server, start, fixture };
    for (const [name, part] of Object.entries(parts)) describe(name, { concurrent: false }, () => part(subject));
  });
}

const parts = {
  'calls and replies': callsAndReplies,
  'calls at once': callsAtOnce,
  logs,
  limits,
  'its end': ends,
  'its start': starts,
};

function callsAndReplies({ server }: Subject): void {
  it('says that it is healthy and ready, to GET only', async () => {
    expect(await server().call('/_/health')).toMatchObject({ status: 200, text: 'OK' });
    expect(await server().call('/_/ready')).toMatchObject({ status: 200, text: '' });
    expect(await server().call('/_/health', { method: 'POST' })).toMatchObject({ status: 405 });
  });

  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'gives the function a %s with its path, query and headers',
    async (method) => {
      const reply = await server().call('/about?word=blue', { method, headers: { 'x-colour': 'green' } });
      expect(reply).toMatchObject({ status: 200, text: `${method} /about blue green` });
      expect(reply.headers['x-duration-seconds']).toMatch(/^\d+\.\d{6}$/);
    },
  );

  it('answers HEAD with the length that the body would have, and no body', async () => {
    const reply = await server().call('/about?word=blue', { method: 'HEAD', headers: { 'x-colour': 'green' } });
    expect(reply).toMatchObject({ status: 200, text: '' });
    expect(reply.headers['content-length']).toBe(String('HEAD /about blue green'.length));
  });

  it('passes 10 MB of bytes in and out unchanged', async () => {
    const body = randomBytes(10_000_000);
    const reply = await server().call('/echo', { body, headers: { 'content-type': 'application/octet-stream' } });
    expect(reply.status).toBe(200);
    expect(sha(reply.body)).toBe(sha(body));
  });

  it('answers a call whose body the function does not read', async () => {
    const reply = await server().call('/drop', { body: Buffer.alloc(3_000_000) });
    expect(reply).toMatchObject({ status: 200, text: 'dropped' });
  });

  it('takes a body of unknown length', async () => {
    const headers = { 'transfer-encoding': 'chunked', 'content-type': 'text/plain' };
    expect(await server().call('/echo', { method: 'POST', headers, body: 'in chunks' })).toMatchObject({
      text: 'in chunks',
    });
  });
}

function callsAtOnce({ server }: Subject): void {
  it('sends the first part of a reply before the function has made the second', async () => {
    const reply = await server().call('/stream', {
      onReply: (incoming) => incoming.once('data', () => void server().open('stream')),
    });
    expect(reply.text).toBe('first\nsecond\n');
  });

  it('handles calls at the same time', async () => {
    const replies = await Promise.all(['a', 'b', 'c'].map((word) => server().call(`/meet?word=${word}`)));
    expect(replies.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
  });
}

function logs({ lang, server }: Subject): void {
  it('marks every line with the call that wrote it, also when calls overlap', async () => {
    const calls = ['ann', 'bob'].map((word) =>
      server().call(`/say?word=${word}`, { headers: { 'x-call-id': `call-${word}` } }),
    );
    await Promise.all([server().printed('ann says two'), server().printed('bob says two')]);
    await server().open('say');
    await Promise.all(calls);
    await Promise.all([server().printed('ann complains'), server().printed('bob complains')]);
    const lines = server()
      .output.split('\n')
      .filter((line) => /(ann|bob) (says|complains)/.test(line));
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
    const reply = await server().call('/fail', { headers: { 'x-call-id': 'call-fail' } });
    expect(reply.status).toBe(500);
    await server().printed('the anchor is missing');
    const line = server()
      .output.split('\n')
      .find((one) => one.includes('the anchor is missing'));
    expect(line).toContain(errorMark('call-fail'));
    expect((await server().call('/drop')).status).toBe(200);
  });
}

function limits({ timedOut, start }: Subject): void {
  it('ends a call that takes longer than exec_timeout, and says so in the log', async () => {
    // Long enough for a call that takes no time, on a machine that is busy.
    const own = await start({ exec_timeout: '1500ms' });
    const reply = await own.call('/hang');
    expect(reply.status).toBe(timedOut);
    expect(reply.headers['x-openfaas-internal']).toBe('of-watchdog');
    await own.printed('exec_timeout');
    expect((await own.call('/drop')).text).toBe('dropped');
  });

  it('lets a caller shorten the time of its call, and not lengthen it', async () => {
    const own = await start({ exec_timeout: '300ms' });
    expect((await own.call('/hang', { headers: { 'x-timeout': '50ms' } })).status).toBe(timedOut);
    expect((await own.call('/hang', { headers: { 'x-timeout': '1h' } })).status).toBe(timedOut);
  });

  it('refuses more calls at once than max_inflight, but not its health', async () => {
    const own = await start({ max_inflight: '1' });
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
    await own.open('wait');
    expect((await first).text).toBe('waited');
    // A caller may have the whole reply a moment before its call is counted as over.
    await expect.poll(async () => (await own.call('/drop')).status, soon).toBe(200);
  });
}

function ends({ lang, start, fixture }: Subject): void {
  it('finishes the calls in flight after SIGTERM, says 503 meanwhile, and ends by itself', async () => {
    const own = await start();
    const call = own.call('/wait');
    await own.printed('waiting');
    await own.stop();
    await expect.poll(async () => (await own.call('/_/health')).status, soon).toBe(503);
    await own.open('wait');
    expect(await call).toMatchObject({ status: 200, text: 'waited' });
    expect(await own.ended).toBe(0);
  });

  it('ends by itself after SIGTERM when it is idle', async () => {
    const own = await start();
    await own.stop();
    expect(await own.ended).toBe(0);
  });

  it('starts in the place of one that was killed', async ({ skip }) => {
    const { replaceKilled } = fixture();
    if ('why' in replaceKilled) return skip(replaceKilled.why);
    const next = await replaceKilled(lang);
    expect((await next.call('/drop')).text).toBe('dropped');
  });
}

function starts({ lang, fixture }: Subject): void {
  it('brings a skeleton that answers', async () => {
    const own = await fixture().start(lang, 'skeleton');
    const reply = await own.call('/some/path', { body: 'ahoy', headers: { 'content-type': 'text/plain' } });
    expect([reply.status, reply.text]).toEqual([200, expect.stringMatching(/POST[^]*\/some\/path[^]*ahoy/)]);
  });

  it('does not start without its handler, and says what is missing', async () => {
    const own = await fixture().startWithoutHandler(lang);
    expect(await own.ended).toBe(1);
    expect(own.output).toMatch(/handler/);
  });
}
