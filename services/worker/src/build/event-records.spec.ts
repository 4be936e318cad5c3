import type { BuildEvent } from '@wherry/contract';
import { describe, expect, it } from 'vitest';
import type { EventBatch } from './builder-runner';
import { gather, recordsOf, storableJson } from './event-records';

const line = (text: string): BuildEvent => ({ type: 'log', at: 1, function: 'f', stream: 'stdout', text });
const failure: BuildEvent = { type: 'failure', at: 9, reason: 'No.' };

describe('recordsOf', () => {
  it('keeps the last status of each function, in order of appearance', () => {
    const events: BuildEvent[] = [
      { type: 'functions', at: 1, names: ['a', 'b'] },
      { type: 'function', at: 2, name: 'a', status: 'building' },
      { type: 'function', at: 3, name: 'b', status: 'failed', reason: 'Broken.' },
    ];
    expect(recordsOf({ events, offset: 7 })).toEqual({
      records: {
        ...{ offset: 7, lines: [], notes: [] },
        functions: [
          { name: 'a', status: 'building', reason: null },
          { name: 'b', status: 'failed', reason: 'Broken.' },
        ],
      },
      lastWord: null,
    });
  });

  it('keeps the folder of each function with whatever status comes after it', () => {
    const events: BuildEvent[] = [
      { type: 'functions', at: 1, names: ['a', 'b'], handlers: ['./a', 'lib/b'] },
      { type: 'function', at: 2, name: 'b', status: 'failed', reason: 'Broken.' },
    ];
    expect(recordsOf({ events, offset: 7 }).records.functions).toEqual([
      { name: 'a', status: 'queued', reason: null, handler: './a' },
      { name: 'b', status: 'failed', reason: 'Broken.', handler: 'lib/b' },
    ]);
  });

  it('tells steps as lines of the platform, and the last word apart', () => {
    const events: BuildEvent[] = [{ type: 'step', at: 5, name: 'fetch', detail: 'Fetched.' }, failure];
    const { records, lastWord } = recordsOf({ events, offset: 1 });
    expect(records.lines).toEqual([[5, 'system', '', 'Fetched.']]);
    expect(lastWord).toBe(failure);
  });
});

describe('storableJson', () => {
  it('replaces what PostgreSQL cannot hold in values and keys, and nothing else', () => {
    const given = { 'a\0': ['\ud800', '\\u0000', 1, null], b: { c: true } };
    expect(storableJson(given)).toEqual({ 'a\ufffd': ['\ufffd', '\\u0000', 1, null], b: { c: true } });
  });
});

describe('gather', () => {
  const never = () => new Promise<void>(() => undefined);

  async function all(batches: AsyncIterable<EventBatch>, sleep: () => Promise<void>) {
    const found: EventBatch[] = [];
    for await (const batch of gather(batches, 75, sleep)) found.push(batch);
    return found;
  }

  it('puts batches together until the time is up, in order, with the last offset', async () => {
    async function* batches() {
      yield { events: [line('1')], offset: 10 };
      yield { events: [line('2')], offset: 20 };
    }
    expect(await all(batches(), never)).toEqual([{ events: [line('1'), line('2')], offset: 20 }]);
  });

  it('hands on what it has when nothing more comes in time', async () => {
    let goOn: () => void = () => undefined;
    async function* batches() {
      yield { events: [line('1')], offset: 10 };
      await new Promise<void>((resolve) => (goOn = resolve));
      yield { events: [line('2')], offset: 20 };
    }
    const found: number[] = [];
    for await (const { offset } of gather(batches(), 75, async () => undefined)) {
      found.push(offset);
      goOn();
    }
    expect(found).toEqual([10, 20]);
  });

  it('hands the last word on without waiting', async () => {
    async function* batches() {
      yield { events: [line('1'), failure], offset: 10 };
      await never();
    }
    const first = await gather(batches(), 75, never).next();
    expect(first.value).toEqual({ events: [line('1'), failure], offset: 10 });
  });

  it('passes a failure of the source on, after what came before it', async () => {
    async function* batches() {
      yield { events: [line('1')], offset: 10 };
      throw new Error('The disk is gone.');
    }
    await expect(all(batches(), never)).rejects.toThrow('The disk is gone.');
  });
});
