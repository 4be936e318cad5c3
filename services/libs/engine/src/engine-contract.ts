import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import type { DesiredRevision, Endpoint, Engine, FunctionLogLine, ObservedReplica } from './engine';
import { maxLineLength } from './log-parser';

/** What a test of any engine needs around it. */
export interface EngineFixture {
  /**
   * A new instance over the same state: it adopts what the one before it let go. Replicas have much time to become
   * healthy, unless a test waits for its end.
   */
  makeEngine(options?: { readonly startDeadlineMs?: number }): Engine;
  /** A revision of `contractFunction`, which every engine's fixture makes into an artifact of its own kind. */
  revision(more?: Partial<DesiredRevision>, environment?: Readonly<Record<string, string>>): DesiredRevision;
  get(endpoint: Endpoint, path: string): Promise<string>;
  /** How long a change of a replica may take; 15 s when left out. */
  readonly patienceMs?: number;
  /** Stops everything. */
  close(): Promise<void>;
}

/**
 * A function that does what its path says. `MODE=crash`: prints and exits at once; `MODE=late`: is healthy from the
 * fourth check on; `MODE=never`: never is.
 */
export const contractFunction = `
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
let checks = 0;
const mode = process.env.MODE;
if (mode === 'crash') { console.error('boom: the configuration is missing'); process.exit(3); }
const routes = {
  '/_/health': (_, response) => {
    checks += 1;
    response.statusCode = mode === 'never' || (mode === 'late' && checks < 4) ? 503 : 200;
    return 'health';
  },
  '/checks': () => String(checks),
  '/pid-start': () => readFileSync('/proc/self/stat', 'utf8').split(' ')[21],
  '/secret': () => readFileSync('/var/openfaas/secrets/key', 'utf8'),
  '/exit': () => process.exit(7),
  '/long': () => String(process.stdout.write('x'.repeat(2 ** 20) + '\\nnext\\n')),
};
const server = createServer((request, response) => {
  const [path, query = ''] = request.url.split('?');
  if (path === '/print') console.log(decodeURIComponent(query));
  response.end((routes[path] ?? (() => 'hello'))(request, response));
});
server.listen(process.env.WHERRY_LISTEN);
process.on('SIGTERM', () => { console.log('asked to stop'); process.exit(0); });
`;

/** Reads everything an engine tells, as the controller does. */
export class Watcher {
  readonly latest = new Map<string, ObservedReplica>();
  readonly history: ObservedReplica[] = [];
  private readonly ended = new AbortController();
  private readonly reading: Promise<void>;

  constructor(
    engine: Engine,
    private readonly patienceMs = 15_000,
  ) {
    this.reading = (async () => {
      for await (const each of engine.observe(this.ended.signal)) {
        this.history.push(each);
        this.latest.set(each.replicaId, each);
      }
    })();
  }

  in(state: ObservedReplica['state']): ObservedReplica[] {
    return [...this.latest.values()].filter((each) => each.state === state);
  }

  async until(state: ObservedReplica['state'], count = 1): Promise<ObservedReplica[]> {
    await expect
      .poll(() => this.in(state).length, { timeout: this.patienceMs, interval: 10, message: `${count} × ${state}` })
      .toBe(count);
    return this.in(state);
  }

  async untilRestarted(replicaId: string): Promise<void> {
    await expect
      .poll(() => this.latest.get(replicaId), { timeout: this.patienceMs, interval: 10 })
      .toMatchObject({ state: 'ready', restarts: 1 });
  }

  async end(): Promise<void> {
    this.ended.abort();
    await this.reading;
  }
}

/** Reads lines until one holds `text`; with `isShipped` also asks for the batch after it, which makes them shipped. */
export async function readUntil(engine: Engine, text: string, isShipped: boolean): Promise<FunctionLogLine[]> {
  const lines: FunctionLogLine[] = [];
  const ended = new AbortController();
  for await (const batch of engine.logs(ended.signal)) {
    lines.push(...batch);
    if (!lines.some((line) => line.text.includes(text))) continue;
    if (!isShipped) break;
    ended.abort(); // The loop asks once more, and is told that there is no more.
  }
  return lines;
}

/** One suite for every engine. `missing` says what to install when this one cannot run here, else null. */
export function describeEngine(name: string, prepare: () => Promise<EngineFixture>, missing: string | null): void {
  describe(`the ${name} engine`, () => {
    const sut = {} as Sut;
    beforeEach(async (context: TestContext) => {
      if (missing !== null) context.skip(missing);
      sut.fixture = await prepare();
      sut.engine = sut.fixture.makeEngine();
      sut.watcher = new Watcher(sut.engine, sut.fixture.patienceMs);
    });
    afterEach(async () => {
      if (!sut.fixture) return;
      await sut.watcher.end();
      await sut.engine.close();
      await sut.fixture.close();
    });
    startsAndCrashes(sut);
    scales(sut);
    adopts(sut);
    keepsSecrets(sut);
    ships(sut);
  });
}
type Sut = { fixture: EngineFixture; engine: Engine; watcher: Watcher };

function startsAndCrashes(sut: Sut): void {
  it('calls a replica ready only when it has answered its health check', async () => {
    sut.engine.apply([sut.fixture.revision({}, { MODE: 'late' })]);
    const [replica] = await sut.watcher.until('ready');
    expect(Number(await sut.fixture.get(replica!.endpoint!, '/checks'))).toBeGreaterThanOrEqual(4);
    expect(sut.watcher.history.map((each) => each.state)).toEqual(['starting', 'ready']);
    expect(sut.watcher.history[0]?.endpoint).toBeNull();
  });

  it('tells a crash with the last lines, and starts it again later', async () => {
    sut.engine.apply([sut.fixture.revision({}, { MODE: 'crash' })]);
    await sut.watcher.until('crashed');
    await expect
      .poll(() => sut.watcher.history, { timeout: 15_000 })
      .toContainEqual(expect.objectContaining({ restarts: 1, state: 'crashed' }));
    const crashes = sut.watcher.history.filter((each) => each.state === 'crashed');
    for (const each of crashes) {
      expect(each).toMatchObject({
        endpoint: null,
        reason: expect.stringMatching(/code 3[^]*boom: the configuration/),
      });
    }
    expect(new Set(crashes.map((each) => each.replicaId)).size).toBe(1);
  });

  it('starts a replica again that crashed while it served', async () => {
    sut.engine.apply([sut.fixture.revision()]);
    const [before] = await sut.watcher.until('ready');
    await sut.fixture.get(before!.endpoint!, '/exit').catch(() => undefined);
    await sut.watcher.until('crashed');
    const [after] = await sut.watcher.until('ready');
    expect(after).toMatchObject({ replicaId: before!.replicaId, restarts: 1 });
    expect(await sut.fixture.get(after!.endpoint!, '/')).toBe('hello');
  });

  it('gives up waiting for a replica that never becomes healthy, and says so', async () => {
    await replaceEngine(sut, { startDeadlineMs: 2000 });
    sut.engine.apply([sut.fixture.revision({}, { MODE: 'never' })]);
    const [replica] = await sut.watcher.until('crashed');
    expect(replica?.reason).toContain('/_/health');
  });
}

function scales(sut: Sut): void {
  it('starts as many as wished; those too many serve on until they are drained', async () => {
    sut.engine.apply([sut.fixture.revision({ replicas: 3 })]);
    await sut.watcher.until('ready', 3);
    sut.engine.apply([sut.fixture.revision({ replicas: 1 })]);
    const leaving = await sut.watcher.until('leaving', 2);
    for (const each of leaving) expect(await sut.fixture.get(each.endpoint!, '/')).toBe('hello');
    const [first, second] = leaving;
    sut.engine.apply([sut.fixture.revision({ replicas: 1, drained: new Set([first!.replicaId]) })]);
    expect((await sut.watcher.until('gone'))[0]?.replicaId).toBe(first?.replicaId);
    expect(await sut.fixture.get(second!.endpoint!, '/')).toBe('hello');
    sut.engine.apply([sut.fixture.revision({ replicas: 0, drained: new Set([second!.replicaId]) })]);
    await sut.watcher.until('gone', 2);
    await sut.watcher.until('leaving', 1);
  });

  it('stops what is not wished for any more, gently', async () => {
    sut.engine.apply([sut.fixture.revision()]);
    await sut.watcher.until('ready');
    const lines = readUntil(sut.engine, 'asked to stop', true);
    sut.engine.apply([]);
    await sut.watcher.until('gone');
    expect((await lines).map((each) => each.text)).toContain('asked to stop');
  });

  it('runs nothing of a revision that is wished for with none, and one of it when one is wished for', async () => {
    const other = sut.fixture.revision({ revisionId: 'rev_b' });
    sut.engine.apply([sut.fixture.revision({ replicas: 0 }), other]);
    await sut.watcher.until('ready');
    expect(sut.watcher.history.map((each) => each.revisionId)).toEqual(['rev_b', 'rev_b']);
    sut.engine.apply([sut.fixture.revision({ replicas: 1 }), other]);
    await sut.watcher.until('ready', 2);
  });

  it('is asked the same again and again without doing anything again', async () => {
    for (let count = 0; count < 20; count += 1) sut.engine.apply([sut.fixture.revision()]);
    await sut.watcher.until('ready');
    for (let count = 0; count < 20; count += 1) sut.engine.apply([sut.fixture.revision()]);
    await sut.engine.sweep();
    expect(sut.watcher.history.map((each) => each.state)).toEqual(['starting', 'ready']);
  });
}

async function replaceEngine(sut: Sut, options?: Parameters<EngineFixture['makeEngine']>[0]): Promise<void> {
  await sut.watcher.end();
  await sut.engine.close();
  sut.engine = sut.fixture.makeEngine(options);
  sut.watcher = new Watcher(sut.engine, sut.fixture.patienceMs);
}

function adopts(sut: Sut): void {
  it('adopts the replicas of an instance that is gone, with what they printed meanwhile', async () => {
    sut.engine.apply([sut.fixture.revision()]);
    const [before] = await sut.watcher.until('ready');
    const startedAt = await sut.fixture.get(before!.endpoint!, '/pid-start');
    await sut.watcher.end();
    await sut.engine.close();
    await sut.fixture.get(before!.endpoint!, '/print?meanwhile');
    await replaceEngine(sut);
    const [after] = await sut.watcher.until('ready');
    expect(after).toEqual(before);
    expect(await sut.fixture.get(after!.endpoint!, '/pid-start')).toBe(startedAt);
    sut.engine.apply([sut.fixture.revision()]);
    expect((await readUntil(sut.engine, 'meanwhile', true)).map((each) => each.text)).toEqual(['meanwhile']);
    expect(sut.watcher.history).toHaveLength(1);
  });

  it('goes on with those that crashed or were leaving', async () => {
    sut.engine.apply([sut.fixture.revision({ replicas: 2 })]);
    const [first, second] = await sut.watcher.until('ready', 2);
    sut.engine.apply([sut.fixture.revision({ replicas: 1 })]);
    const [leaving] = await sut.watcher.until('leaving');
    const staying = leaving!.replicaId === first!.replicaId ? second! : first!;
    await sut.watcher.end();
    await sut.engine.close();
    await sut.fixture.get(staying.endpoint!, '/exit').catch(() => undefined);
    await replaceEngine(sut);
    sut.engine.apply([sut.fixture.revision({ replicas: 1 })]);
    // Its end may still be on its way when the new engine looks: then it tells "ready" once before it tells the crash.
    await sut.watcher.untilRestarted(staying.replicaId);
    expect((await sut.watcher.until('leaving'))[0]?.replicaId).toBe(leaving?.replicaId);
  });
}

function keepsSecrets(sut: Sut): void {
  const value = 'canary-7f3a91';
  const secrets = new Map([['key', Buffer.from(value)]]);

  it('shows a function its secrets, and nobody its output with them', async () => {
    sut.engine.apply([sut.fixture.revision({ secrets })]);
    const [replica] = await sut.watcher.until('ready');
    expect(await sut.fixture.get(replica!.endpoint!, '/secret')).toBe(value);
    await sut.fixture.get(replica!.endpoint!, `/print?key=${value}%0Aend`);
    const lines = await readUntil(sut.engine, 'end', true);
    expect(lines.map((each) => each.text)).toEqual(['key=[redacted]', 'end']);
  });

  it('replaces replicas when a secret changes: the new one serves before the old one leaves', async () => {
    sut.engine.apply([sut.fixture.revision({ secrets })]);
    const [old] = await sut.watcher.until('ready');
    const changed = { secrets: new Map([['key', Buffer.from('second-value')]]), secretsVersion: '2' };
    sut.engine.apply([sut.fixture.revision(changed)]);
    expect((await sut.watcher.until('leaving'))[0]?.replicaId).toBe(old?.replicaId);
    const [fresh] = sut.watcher.in('ready');
    expect(await sut.fixture.get(fresh!.endpoint!, '/secret')).toBe('second-value');
    const order = sut.watcher.history.map((each) => `${each.replicaId} ${each.state}`);
    expect(order.indexOf(`${fresh!.replicaId} ready`)).toBeLessThan(order.indexOf(`${old!.replicaId} leaving`));
  });
}

function ships(sut: Sut): void {
  it('delivers a batch again that was not acknowledged, and each line once that was', async () => {
    sut.engine.apply([sut.fixture.revision()]);
    const [replica] = await sut.watcher.until('ready');
    const print = (text: string) => sut.fixture.get(replica!.endpoint!, `/print?${encodeURIComponent(text)}`);
    await print('\u001ecall-1\u001fone');
    const first = await readUntil(sut.engine, 'one', false);
    expect(first).toMatchObject([{ ...pick(replica!), stream: 'stdout', callId: 'call-1', text: 'one' }]);
    await print('two');
    expect((await readUntil(sut.engine, 'two', true)).map((each) => each.text)).toEqual(['one', 'two']);
    await print('three');
    expect((await readUntil(sut.engine, 'three', true)).map((each) => each.text)).toEqual(['three']);
  });

  it('cuts a line that does not end, and delivers the next one', async () => {
    sut.engine.apply([sut.fixture.revision()]);
    const [replica] = await sut.watcher.until('ready');
    await sut.fixture.get(replica!.endpoint!, '/long');
    const texts = (await readUntil(sut.engine, 'next', true)).map((each) => each.text);
    expect(texts).toEqual([`${'x'.repeat(maxLineLength)} … [the line was cut]`, 'next']);
  });

  it.each([
    ['the engine that saw both', false],
    ['one that came afterwards', true],
  ])('delivers what a replica printed before a crash and after it once each: %s', async (_, isReplaced) => {
    sut.engine.apply([sut.fixture.revision()]);
    const [before] = await sut.watcher.until('ready');
    await sut.fixture.get(before!.endpoint!, '/print?first-run');
    await sut.fixture.get(before!.endpoint!, '/exit').catch(() => undefined);
    await sut.watcher.untilRestarted(before!.replicaId);
    if (isReplaced) await replaceEngine(sut);
    sut.engine.apply([sut.fixture.revision()]);
    const [after] = await sut.watcher.until('ready');
    await sut.fixture.get(after!.endpoint!, '/print?second-run');
    const lines = await readUntil(sut.engine, 'second-run', true);
    const printed = lines.filter((each) => each.stream === 'stdout').map((each) => each.text);
    expect(printed).toEqual(['first-run', 'second-run']);
  });
}

function pick({ tenantId, revisionId, replicaId }: ObservedReplica) {
  return { tenantId, revisionId, replicaId };
}
