import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noMeter } from '../metering/call-meter';
import type { ReadyReplica, Route } from '../routing/route-table';
import { FunctionCalls, tickMs, type Waiting } from './function-calls';
import type { Platform } from './platform';
import type { Refusal } from './refusal';
import type { Upstream } from './upstream';

const replica = (replicaId: string, address = replicaId): ReadyReplica => ({
  ...{ replicaId, address },
  endpoint: { kind: 'unix', path: `/${address}` },
});
const routeTo = (revisionId: string, ready: ReadyReplica[], crashes = 0): Route => ({
  ...{
    tenantId: 'ten_1',
    environmentId: 'env_1',
    label: 'acme',
    passwordHash: null,
    functionId: 'fn_1',
    functionName: 'hello',
    revisionId,
  },
  ...{ memoryMiB: 128, timeoutMs: 1_000, ready, crashes },
});

class FakeUpstream implements Upstream {
  inFlight = 0;
  refusedUntilMs = 0;
  isClosed = false;
  constructor(readonly replica: ReadyReplica) {}
  dispatch(): void {
    throw new Error('Not used here.');
  }
  upgrade(): never {
    throw new Error('Not used here.');
  }
  close(): void {
    this.isClosed = true;
  }
}

class FakeCall implements Waiting {
  parkedAtMs: number | null = null;
  sentTo: string[] = [];
  refusal: Refusal | null = null;
  upstream: Upstream | null = null;
  send(route: Route, upstream: Upstream): void {
    this.upstream = upstream;
    this.sentTo.push(`${route.revisionId}/${upstream.replica.replicaId}`);
  }
  refuse(refusal: Refusal): void {
    this.refusal = refusal;
  }
}

const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

let opened: FakeUpstream[];
let wakes: string[];
let platform: Platform;

beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  wakes = [];
  platform = {
    clock: { nowMs: () => Date.now(), elapsedMs: () => performance.now() },
    limits: { bodyBytes: 1, ratePerSecond: 5, concurrency: 2, parkedCalls: 3, parkMs: 1_000 },
    receipts: { isWritable: true, write: () => undefined },
    meter: noMeter,
    activity: { touched: () => undefined, sent: () => undefined, ended: () => undefined },
    openUpstream: (of) => {
      opened.push(new FakeUpstream(of));
      return opened[opened.length - 1] as FakeUpstream;
    },
    wake: (tenantId, revisionId) => void wakes.push(`${tenantId}/${revisionId}`),
    tally: () => undefined,
  };
});
afterEach(() => vi.useRealTimers());

const submitted = (calls: FunctionCalls, count: number): FakeCall[] =>
  Array.from({ length: count }, () => {
    const call = new FakeCall();
    calls.submit(call);
    return call;
  });

describe('FunctionCalls', () => {
  it('sends to the replica with the fewest calls, in turn among equals', () => {
    const calls = new FunctionCalls(routeTo('rev_1', [replica('a'), replica('b')]), platform);
    const sent = submitted(calls, 4).map((call) => call.sentTo[0]);
    expect(new Set(sent.slice(0, 2))).toEqual(new Set(['rev_1/a', 'rev_1/b']));
    (opened[0] as FakeUpstream).inFlight = 5;
    expect(submitted(calls, 3).map((call) => call.sentTo[0])).toEqual(['rev_1/b', 'rev_1/b', 'rev_1/b']);
  });

  it('asks once at a time for a sleeping revision, however many calls wait', () => {
    const calls = new FunctionCalls(routeTo('rev_1', []), platform);
    const waiting = submitted(calls, 3);
    expect(wakes).toEqual(['ten_1/rev_1']);
    vi.advanceTimersByTime(tickMs);
    expect(wakes).toHaveLength(2);
    calls.update(routeTo('rev_1', [replica('a')]));
    expect(waiting.map((call) => call.sentTo)).toEqual([['rev_1/a'], ['rev_1/a'], ['rev_1/a']]);
    vi.advanceTimersByTime(10 * tickMs);
    expect(wakes).toHaveLength(2);
  });

  it('refuses with 503 what is over the bound, and what waited too long', () => {
    const calls = new FunctionCalls(routeTo('rev_1', []), platform);
    const waiting = submitted(calls, 4);
    expect(waiting.map((call) => call.refusal?.status)).toEqual([undefined, undefined, undefined, 503]);
    vi.advanceTimersByTime(1_000);
    expect(waiting.map((call) => call.refusal?.status)).toEqual([503, 503, 503, 503]);
    expect(waiting.every((call) => (call.refusal?.retryAfterSeconds ?? 0) > 0)).toBe(true);
    const count = wakes.length;
    vi.advanceTimersByTime(10_000);
    expect(wakes).toHaveLength(count);
  });

  it('says so when the function crashes', () => {
    const calls = new FunctionCalls(routeTo('rev_1', [], 1), platform);
    const [call] = submitted(calls, 1);
    vi.advanceTimersByTime(1_000);
    expect(call?.refusal?.text).toContain('crashes');
  });

  it('lets no call wait for a function that crashed three times in a row, unless another replica serves', () => {
    const calls = new FunctionCalls(routeTo('rev_1', [], 2), platform);
    const [early] = submitted(calls, 1);
    expect(early?.refusal).toBeNull();
    calls.update(routeTo('rev_1', [], 3));
    vi.advanceTimersByTime(tickMs);
    const [late] = submitted(calls, 1);
    expect([early, late].map((call) => call?.refusal?.text)).toEqual(Array(2).fill(expect.stringContaining('crashes')));
    calls.update(routeTo('rev_1', [replica('a')], 3));
    expect(submitted(calls, 1)[0]?.sentTo).toEqual(['rev_1/a']);
  });

  it('lets waiting calls follow a route that moves', () => {
    const calls = new FunctionCalls(routeTo('rev_1', []), platform);
    const [call] = submitted(calls, 1);
    calls.update(routeTo('rev_2', []));
    vi.advanceTimersByTime(tickMs);
    expect(wakes).toEqual(['ten_1/rev_1', 'ten_1/rev_2']);
    calls.update(routeTo('rev_2', [replica('b')]));
    expect(call?.sentTo).toEqual(['rev_2/b']);
  });

  it('answers waiting calls with 404 when the function is removed', () => {
    const calls = new FunctionCalls(routeTo('rev_1', []), platform);
    const [call] = submitted(calls, 1);
    calls.remove();
    expect(call?.refusal?.status).toBe(404);
  });

  it('leaves a replica alone that refused, tries the next, and comes back to it', () => {
    const calls = new FunctionCalls(routeTo('rev_1', [replica('a'), replica('b')]), platform);
    const [call] = submitted(calls, 1);
    calls.resubmit(call as FakeCall, call?.upstream as Upstream, refused);
    expect(new Set(call?.sentTo)).toEqual(new Set(['rev_1/a', 'rev_1/b']));
    calls.resubmit(call as FakeCall, call?.upstream as Upstream, refused);
    expect(call?.sentTo).toHaveLength(2);
    vi.advanceTimersByTime(tickMs);
    vi.advanceTimersByTime(tickMs);
    expect(call?.sentTo).toHaveLength(3);
  });

  it('does not let a call that is refused again and again wait anew', () => {
    const calls = new FunctionCalls(routeTo('rev_1', [replica('a')]), platform);
    const [call] = submitted(calls, 1);
    for (let tries = 0; tries < 10 && call?.refusal === null; tries += 1) {
      calls.resubmit(call, call.upstream as Upstream, refused);
      vi.advanceTimersByTime(2 * tickMs);
    }
    expect(call?.refusal?.status).toBe(503);
  });

  it('forgets a waiting call whose caller left', () => {
    const calls = new FunctionCalls(routeTo('rev_1', []), platform);
    const [gone, stays] = submitted(calls, 2);
    calls.leave(gone as FakeCall);
    calls.update(routeTo('rev_1', [replica('a')]));
    expect([gone?.sentTo, stays?.sentTo]).toEqual([[], ['rev_1/a']]);
  });

  it('keeps connections to replicas that stay, and closes those to replicas that left or moved', () => {
    const calls = new FunctionCalls(routeTo('rev_1', [replica('a'), replica('b')]), platform);
    calls.update(routeTo('rev_1', [replica('a'), replica('b', 'elsewhere')]));
    expect(opened.map((upstream) => upstream.isClosed)).toEqual([false, true, false]);
    calls.remove();
    expect(opened.map((upstream) => upstream.isClosed)).toEqual([true, true, true]);
  });

  it('admits no more than the rate and the concurrency of the function', () => {
    const calls = new FunctionCalls(routeTo('rev_1', []), platform);
    calls.inFlight = 2;
    expect(calls.admit()?.status).toBe(429);
    calls.inFlight = 1;
    expect([1, 2, 3, 4, 5].map(() => calls.admit()?.status)).toEqual([undefined, undefined, undefined, undefined, 429]);
    vi.advanceTimersByTime(1_000);
    expect(calls.admit()).toBeNull();
  });
});
