import { setTimeout as delay } from 'node:timers/promises';
import { describeError, type Log } from '@wherry/logging';
import type { WriteGate } from '../write-gate';
import { decideCollection } from './decide-collection';
import { decideUntagged, type StoredRepository } from './decide-untagged';

export type CollectorOptions = Readonly<{
  everyMs: number;
  /** So long without a write is the end of a push. */
  pauseMs: number;
}>;

/** The images as they are stored. */
export type StoredImages = Readonly<{
  exists(): Promise<boolean>;
  repositories(): Promise<string[]>;
  read(repository: string): Promise<StoredRepository>;
  remove(
    repository: string,
    unused: Readonly<{ tags: readonly string[]; manifests: readonly string[] }>,
  ): Promise<void>;
  removeIfEmpty(repository: string): Promise<boolean>;
}>;

export type CollectorDependencies = Readonly<{
  gate: WriteGate;
  images: StoredImages;
  collectBlobs: (signal: AbortSignal) => Promise<void>;
  lastCollected: Readonly<{ read(): Promise<number | null>; write(atMs: number): Promise<void> }>;
  log: Log;
  nowMs: () => number;
}>;

export type CollectionState = Readonly<{
  state: 'idle' | 'waiting' | 'collecting';
  /** Unix milliseconds of the last one that succeeded; null when there was none. */
  collectedMs: number | null;
  /** Of the last one in this process that failed, until one succeeds. */
  failure: string | null;
}>;

const lookEveryMs = 250;
/** Single requests that were let in before get so long; then they are cut off. */
const lastWritesMs = 60_000;
const againAfterFailureMs = 3_600_000;

/** Removes what nothing names any more, once in a while or when asked, at a time when nobody pushes. */
export class Collector {
  private askedMs: number | null = null;
  private shutMs: number | null = null;
  private dueMs = 0;
  private seen: CollectionState = { state: 'idle', collectedMs: null, failure: null };
  private readonly ending = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: CollectorOptions,
    private readonly on: CollectorDependencies,
  ) {}

  async start(): Promise<void> {
    const collectedMs = await this.on.lastCollected.read();
    // Never more than one period away: a clock that was wrong once does not stop collecting for years.
    const now = this.on.nowMs();
    this.dueMs = Math.min(collectedMs ?? now, now) + this.options.everyMs;
    this.seen = { ...this.seen, collectedMs };
    this.running = this.keep();
  }

  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  ask(): void {
    this.askedMs ??= this.on.nowMs();
    if (this.seen.state === 'idle') this.seen = { ...this.seen, state: 'waiting' };
  }

  get state(): CollectionState {
    return this.seen;
  }

  private async keep(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      await this.step();
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async step(): Promise<void> {
    const { gate, nowMs } = this.on;
    const times = { nowMs: nowMs(), dueMs: this.dueMs, askedMs: this.askedMs, shutMs: this.shutMs };
    const decision = decideCollection({ ...times, quietMs: gate.quietMs, pauseMs: this.options.pauseMs });
    if (decision === 'collect') return await this.collect();
    if (decision !== 'shut') return;
    gate.set('shut');
    this.shutMs = nowMs();
    this.on.log.write({ op: 'collection.wait', ok: true, message: 'New pushes wait until those under way are over.' });
  }

  private async collect(): Promise<void> {
    const { gate, log, nowMs, lastCollected } = this.on;
    const startedMs = nowMs();
    // One that is asked for while this one runs may be about what this one has passed already.
    this.askedMs = null;
    this.seen = { ...this.seen, state: 'collecting' };
    gate.set('closed');
    try {
      await this.lastWrites();
      const count = await this.removeUntagged();
      if (await this.on.images.exists()) await this.on.collectBlobs(this.ending.signal);
      await lastCollected.write(nowMs());
      this.dueMs = nowMs() + this.options.everyMs;
      this.seen = { state: 'idle', collectedMs: nowMs(), failure: null };
      log.write({ op: 'collection.run', ok: true, count, durationMs: nowMs() - startedMs });
    } catch (error) {
      this.dueMs = nowMs() + againAfterFailureMs;
      this.seen = { ...this.seen, state: 'idle', failure: describeError(error) };
      const message = this.ending.signal.aborted ? 'The process ends; the next one goes on.' : describeError(error);
      log.write({ op: 'collection.run', ok: false, durationMs: nowMs() - startedMs, message });
    } finally {
      gate.set('open');
      this.shutMs = null;
      if (this.askedMs !== null) this.seen = { ...this.seen, state: 'waiting' };
    }
  }

  private async lastWrites(): Promise<void> {
    const { gate, nowMs } = this.on;
    const { signal } = this.ending;
    for (const until = nowMs() + lastWritesMs; gate.writes > 0 && nowMs() < until;)
      await delay(20, undefined, { signal });
    gate.abortWrites();
    while (gate.writes > 0) await delay(20, undefined, { signal });
  }

  /** Returns how many manifests and tags were removed. A repository that cannot be read stays as it is. */
  private async removeUntagged(): Promise<number> {
    const { images, log, nowMs } = this.on;
    let count = 0;
    for (const repository of await images.repositories()) {
      this.ending.signal.throwIfAborted();
      try {
        const unused = decideUntagged(await images.read(repository), nowMs());
        await images.remove(repository, unused);
        await images.removeIfEmpty(repository);
        count += unused.tags.length + unused.manifests.length;
      } catch (error) {
        log.write({ op: 'collection.read', ok: false, message: `${repository}: ${describeError(error)}` });
      }
    }
    return count;
  }
}
