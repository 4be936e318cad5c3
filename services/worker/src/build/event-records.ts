import type { BuildLogLine, BuildRecords } from '@wherry/db';
import type { BuildEvent } from '@wherry/contract';
import type { EventBatch } from './builder-runner';

export type LastWord = Extract<BuildEvent, { type: 'result' | 'failure' }>;

/** What a batch of a builder's events becomes in the database, and how the build ended if it says so. */
export function recordsOf(batch: EventBatch): { records: BuildRecords; lastWord: LastWord | null } {
  const lines: BuildLogLine[] = [];
  const notes: string[] = [];
  const functions = new Map<string, BuildRecords['functions'][number]>();
  let lastWord: LastWord | null = null;
  const put = (name: string, status: string, reason?: string) =>
    functions.set(name, {
      ...functions.get(name),
      name,
      status,
      reason: reason === undefined ? null : storable(reason),
    });
  for (const event of batch.events) {
    if (event.type === 'log') lines.push([event.at, event.stream, event.function ?? '', storable(event.text)]);
    else if (event.type === 'step') lines.push([event.at, 'system', '', storable(event.detail)]);
    else if (event.type === 'note') notes.push(storable(event.text));
    else if (event.type === 'functions') {
      event.names.forEach((name, index) => {
        const handler = event.handlers?.[index];
        functions.set(name, { name, status: 'queued', reason: null, ...(handler && { handler: storable(handler) }) });
      });
    } else if (event.type === 'function') put(event.name, event.status, event.reason);
    else lastWord = event;
  }
  return { records: { offset: batch.offset, lines, functions: [...functions.values()], notes }, lastWord };
}

/** Text that PostgreSQL can hold, also inside jsonb: no NUL and no half of a surrogate pair. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed();
}

/** A copy of a JSON object with storable strings and keys. */
export function storableJson<T extends object>(value: T): T {
  const copy = (each: unknown): unknown => {
    if (typeof each === 'string') return storable(each);
    if (Array.isArray(each)) return each.map(copy);
    if (typeof each !== 'object' || each === null) return each;
    return Object.fromEntries(Object.entries(each).map(([key, inner]) => [storable(key), copy(inner)]));
  };
  return copy(value) as T;
}

/** Lines after which a batch is not made longer. */
const maxEvents = 2000;

/**
 * Puts batches together for up to `waitMs`, so that a talkative build costs few transactions; one with the builder's
 * last word is handed on at once.
 * @param sleep returns after that many milliseconds.
 */
export async function* gather(
  source: AsyncIterable<EventBatch>,
  waitMs: number,
  sleep: (ms: number) => Promise<void>,
): AsyncGenerator<EventBatch> {
  const iterator = source[Symbol.asyncIterator]();
  const ask = () => {
    const asked = iterator.next();
    // Its failure is met when it is awaited; until then it must not count as unhandled.
    asked.catch(() => undefined);
    return asked;
  };
  let coming = ask();
  try {
    for (let first = await coming; !first.done; first = await coming) {
      let batch = first.value;
      coming = ask();
      const timeIsUp = isFinal(batch) ? null : sleep(waitMs).then(() => null);
      while (timeIsUp && !isFinal(batch) && batch.events.length < maxEvents) {
        const next = await Promise.race([coming, timeIsUp]);
        if (next === null || next.done) break;
        batch = { events: [...batch.events, ...next.value.events], offset: next.value.offset };
        coming = ask();
      }
      yield batch;
    }
  } finally {
    // Not awaited: it waits for what `coming` waits for, which the caller ends by its signal.
    void iterator.return?.();
  }
}

function isFinal(batch: EventBatch): boolean {
  const type = batch.events.at(-1)?.type;
  return type === 'result' || type === 'failure';
}
