import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError, isStatus, type ClusterClient, type Query } from './cluster-client';

/** What every object has. */
export type Kept = Readonly<{ metadata: Readonly<{ uid: string; resourceVersion: string }> }>;
export type WatchEvent<T> = Readonly<{ type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }>;
type Listed<T> = Readonly<{ items: readonly T[]; metadata: Readonly<{ resourceVersion: string; continue?: string }> }>;
type RawEvent<T> = Readonly<{
  type: string;
  object: T & Readonly<{ code?: number; reason?: string; message?: string }>;
}>;

/** Where a mirror reads: the API server, or a test. */
export interface MirrorSource<T> {
  list(signal: AbortSignal): Promise<{ items: readonly T[]; version: string }>;
  /** Raw events from `version` on, until the server ends the stream. */
  watch(version: string, signal: AbortSignal): AsyncIterable<RawEvent<T>>;
}

export type MirrorOptions<T> = Readonly<{
  onChange: (event: WatchEvent<T>) => void;
  /** After every list: `items` is complete. */
  onSynced?: () => void;
  /** A failure that is tried again. */
  onError?: (error: unknown) => void;
  /** How long to wait after the n-th failure in a row, from 1. */
  backoffMs?: (failures: number) => number;
}>;

/**
 * All objects of one kind as they are, kept up by a watch. It survives ended streams, broken connections, versions that
 * the server forgot (410), events told twice, and objects that went while nobody watched: these are told as DELETED.
 */
export class Mirror<T extends Kept> {
  private readonly byUid = new Map<string, T>();

  constructor(
    private readonly source: MirrorSource<T>,
    private readonly options: MirrorOptions<T>,
  ) {}

  get items(): readonly T[] {
    return [...this.byUid.values()];
  }

  get(uid: string): T | undefined {
    return this.byUid.get(uid);
  }

  /** Runs until `signal` aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    let version: string | null = null;
    let failures = 0;
    while (!signal.aborted) {
      try {
        version ??= await this.relist(signal);
        for await (const event of this.source.watch(version, signal)) {
          failures = 0;
          version = this.take(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        // The server does not remember that version any more: everything is read again, at once.
        if (isStatus(error, 410)) {
          version = null;
          if (failures === 0) continue;
        } else this.options.onError?.(error);
        failures += 1;
        const waitMs = (this.options.backoffMs ?? defaultBackoffMs)(failures);
        await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async relist(signal: AbortSignal): Promise<string> {
    const { items, version } = await this.source.list(signal);
    const seen = new Set(items.map((each) => each.metadata.uid));
    for (const gone of this.items.filter((each) => !seen.has(each.metadata.uid))) this.put('DELETED', gone);
    for (const each of items) this.put(this.byUid.has(each.metadata.uid) ? 'MODIFIED' : 'ADDED', each);
    this.options.onSynced?.();
    return version;
  }

  /** Returns the version to go on from. */
  private take({ type, object }: RawEvent<T>): string {
    if (type === 'ERROR')
      throw new ClusterError(object.code ?? 500, object.reason ?? '', object.message ?? 'The watch failed.');
    if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') this.put(type, object);
    return object.metadata.resourceVersion;
  }

  private put(type: WatchEvent<T>['type'], object: T): void {
    const { uid, resourceVersion } = object.metadata;
    const before = this.byUid.get(uid);
    if (type === 'DELETED') {
      if (!this.byUid.delete(uid)) return;
    } else {
      if (before?.metadata.resourceVersion === resourceVersion) return;
      this.byUid.set(uid, object);
    }
    this.options.onChange({ type, object });
  }
}

/** Not long: until it is back, gateways do not hear of replicas that come and go. */
function defaultBackoffMs(failures: number): number {
  return Math.min(5000, 250 * 2 ** Math.min(failures, 10));
}

const pageSize = 500;
/** The server ends a watch after this. */
const watchSeconds = 240;
/** A watch tells a bookmark each minute. One that tells nothing for longer has lost its connection, silently. */
const silentMs = 100_000;

/** Reads the objects below `path`, such as `/api/v1/pods`, that `query` selects. */
export function clusterSource<T extends Kept>(
  client: Pick<ClusterClient, 'request' | 'stream'>,
  path: string,
  query: Query,
): MirrorSource<T> {
  return {
    async list(signal) {
      const items: T[] = [];
      let next: string | undefined;
      for (;;) {
        const page: Listed<T> = await client.request('GET', path, {
          query: { ...query, limit: pageSize, continue: next },
          signal,
        });
        items.push(...page.items.map(trimmed));
        next = page.metadata.continue;
        if (!next) return { items, version: page.metadata.resourceVersion };
      }
    },
    async *watch(version, signal) {
      const asked = {
        ...query,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: version,
        timeoutSeconds: watchSeconds,
      };
      const silence = new AbortController();
      const timer = setTimeout(() => silence.abort(), silentMs);
      let rest = '';
      const decoder = new TextDecoder();
      try {
        for await (const piece of client.stream(path, asked, AbortSignal.any([signal, silence.signal]))) {
          timer.refresh();
          const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
          rest = lines.pop()!;
          for (const line of lines) if (line !== '') yield eventOf(JSON.parse(line) as RawEvent<T>);
        }
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function eventOf<T extends Kept>(event: RawEvent<T>): RawEvent<T> {
  return event.type === 'ERROR' ? event : { ...event, object: trimmed(event.object) };
}

/** Who set which field is most of an object, and nobody here asks. */
function trimmed<T extends Kept>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}
