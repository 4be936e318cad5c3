import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clusterSource, type Kept } from './mirror';

const thing = (uid: string) => ({ metadata: { uid, resourceVersion: '7', managedFields: [{ manager: 'm' }] } });
const trimmed = (uid: string) => ({ metadata: { uid, resourceVersion: '7' } });
const ended = new AbortController().signal;
const none = { request: () => Promise.reject(new Error('Not asked.')), stream: () => streamOf([]) };

async function* streamOf(pieces: readonly (Buffer | string)[]): AsyncIterable<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}
const watched = async (pieces: readonly (Buffer | string)[]) => {
  const source = clusterSource<Kept>({ ...none, stream: () => streamOf(pieces) }, '/path', {});
  const events: unknown[] = [];
  for await (const event of source.watch('5', ended)) events.push(event);
  return events;
};

describe('a list of the cluster', () => {
  it('is read page by page, and has the version of its last page', async () => {
    const asked: unknown[] = [];
    const pages = [
      { items: [thing('a'), thing('b')], metadata: { resourceVersion: '5', continue: 'more' } },
      { items: [thing('c')], metadata: { resourceVersion: '6', continue: '' } },
    ];
    const request = (_: string, path: string, { query }: { query?: object } = {}) => {
      asked.push({ path, ...query });
      return Promise.resolve(pages[asked.length - 1]) as Promise<never>;
    };
    const source = clusterSource<Kept>({ ...none, request }, '/path', { labelSelector: 'l' });
    expect(await source.list(ended)).toEqual({ items: ['a', 'b', 'c'].map(trimmed), version: '6' });
    expect(asked).toEqual([
      { path: '/path', labelSelector: 'l', limit: 500 },
      { path: '/path', labelSelector: 'l', limit: 500, continue: 'more' },
    ]);
  });
});

describe('a watch of the cluster', () => {
  it('tells each event once, wherever its pieces are split', async () => {
    const events = ['ä', 'b'].map((uid) => ({ type: 'ADDED', object: thing(uid) }));
    const text = Buffer.from(`${events.map((each) => JSON.stringify(each)).join('\n')}\n`);
    const expected = ['ä', 'b'].map((uid) => ({ type: 'ADDED', object: trimmed(uid) }));
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(await watched([text.subarray(0, cut), text.subarray(cut)])).toEqual(expected);
    }
  });

  it('tells no event that was cut off by the end of the stream', async () => {
    const whole = JSON.stringify({ type: 'ADDED', object: thing('a') });
    expect(await watched([`${whole}\n${whole.slice(0, 20)}`])).toHaveLength(1);
  });

  it('goes on from the version that it is given, with bookmarks', async () => {
    const asked: unknown[] = [];
    const stream = (...all: unknown[]) => {
      asked.push(...all.slice(0, 2));
      return streamOf([]);
    };
    const source = clusterSource<Kept>({ ...none, stream }, '/path', { labelSelector: 'l' });
    for await (const event of source.watch('5', ended)) expect(event).toBeUndefined();
    expect(asked).toEqual([
      '/path',
      { labelSelector: 'l', watch: true, allowWatchBookmarks: true, resourceVersion: '5', timeoutSeconds: 240 },
    ]);
  });

  describe('that is silent', () => {
    beforeEach(() => vi.useFakeTimers());
    afterEach(() => vi.useRealTimers());

    it('is broken off 100 s after the last that it told', async () => {
      const bookmark = `${JSON.stringify({ type: 'BOOKMARK', object: thing('') })}\n`;
      const next = Promise.withResolvers<void>();
      const stream = async function* (_: string, __: unknown, signal: AbortSignal) {
        await next.promise;
        yield Buffer.from(bookmark);
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('broken off'))));
      };
      const source = clusterSource<Kept>({ ...none, stream }, '/path', {});
      const told: string[] = [];
      const end = (async () => {
        for await (const { type } of source.watch('5', ended)) told.push(type);
      })().catch((error: Error) => told.push(error.message));
      await vi.advanceTimersByTimeAsync(99_000);
      next.resolve();
      await vi.advanceTimersByTimeAsync(99_000);
      expect(told).toEqual(['BOOKMARK']);
      await vi.advanceTimersByTimeAsync(1000);
      await end;
      expect(told).toEqual(['BOOKMARK', 'broken off']);
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});
