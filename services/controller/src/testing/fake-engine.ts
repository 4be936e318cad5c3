import { EventEmitter, on, once } from 'node:events';
import type { DesiredRevision, Engine, FunctionLogLine, ObservedReplica } from '@wherry/engine';

type FakeReplica = ObservedReplica & { secretsVersion: string; secrets: ReadonlyMap<string, Uint8Array> };

/** How replicas of a revision behave: `crash` for ever, `never` get ready, or get ready at once. */
export type Behaviour = 'ready' | 'crash' | 'never';

/** What outlives an engine: the replicas, as if they ran on a machine, and output that was not shipped. */
export class FakeMachine {
  readonly replicas = new Map<string, FakeReplica>();
  readonly behaviours = new Map<string, Behaviour>();
  readonly output: (readonly FunctionLogLine[])[] = [];
  readonly changes = new EventEmitter();
  /** Every start of a replica, by revision id, in order. */
  readonly started: string[] = [];
  /** Ids of replicas that were stopped while gateways might still have used them. */
  readonly stoppedUndrained: string[] = [];
  private serial = 0;

  constructor(readonly now: () => number) {
    this.changes.setMaxListeners(0);
  }

  start(wish: DesiredRevision): void {
    this.serial += 1;
    this.started.push(wish.revisionId);
    const replica: FakeReplica = {
      tenantId: wish.tenantId,
      revisionId: wish.revisionId,
      replicaId: `rpl_${process.hrtime.bigint()}${this.serial}`,
      state: 'starting',
      endpoint: null,
      restarts: 0,
      reason: null,
      startedAtMs: this.now(),
      secretsVersion: wish.secretsVersion,
      secrets: wish.secrets,
    };
    this.set(replica);
    const behaviour = this.behaviours.get(wish.revisionId) ?? 'ready';
    if (behaviour === 'ready') this.becomeReady(replica.replicaId);
    if (behaviour === 'crash') this.crashTwice(replica.replicaId);
  }

  becomeReady(replicaId: string): void {
    const replica = this.replicas.get(replicaId);
    if (!replica) return;
    this.set({ ...replica, state: 'ready', endpoint: { kind: 'unix', path: `/run/${replicaId}.sock` } });
  }

  crashTwice(replicaId: string): void {
    const reason = 'It ended with exit code 1. Last lines:\nError: no such module';
    for (const restarts of [0, 1]) {
      const replica = this.replicas.get(replicaId);
      if (!replica) return;
      this.set({ ...replica, state: 'starting', restarts });
      this.set({ ...replica, state: 'crashed', restarts, reason, endpoint: null });
    }
  }

  set(replica: FakeReplica): void {
    this.replicas.set(replica.replicaId, replica);
    this.changes.emit('change', observedOf(replica));
  }

  remove(replica: FakeReplica, isDrained: boolean): void {
    if (!isDrained && replica.endpoint !== null) this.stoppedUndrained.push(replica.replicaId);
    this.replicas.delete(replica.replicaId);
    this.changes.emit('change', { ...observedOf(replica), state: 'gone', endpoint: null });
  }

  /** What a replica finds in its secrets folder, as text. */
  secretsOf(replicaId: string): Record<string, string> {
    const secrets = this.replicas.get(replicaId)?.secrets ?? new Map<string, Uint8Array>();
    return Object.fromEntries([...secrets].map(([name, value]) => [name, Buffer.from(value).toString()]));
  }

  print(lines: readonly FunctionLogLine[]): void {
    this.output.push(lines);
    this.changes.emit('output');
  }
}

function observedOf({ secretsVersion: _version, secrets: _secrets, ...observed }: FakeReplica): ObservedReplica {
  return observed;
}

/** An engine in memory that keeps the port's promises: level-based, drains before it stops, adopts what runs. */
export class FakeEngine implements Engine {
  constructor(private readonly machine: FakeMachine) {}

  apply(desired: readonly DesiredRevision[]): void {
    const wished = new Set(desired.map((wish) => wish.revisionId));
    for (const replica of [...this.machine.replicas.values()]) {
      if (!wished.has(replica.revisionId)) this.machine.remove(replica, false);
    }
    for (const wish of desired) this.applyOne(wish);
  }

  private applyOne(wish: DesiredRevision): void {
    const own = () => [...this.machine.replicas.values()].filter((it) => it.revisionId === wish.revisionId);
    const serving = () => own().filter((it) => it.state !== 'leaving');
    const current = () => serving().filter((it) => it.secretsVersion === wish.secretsVersion);
    while (current().length < wish.replicas) this.machine.start(wish);
    const extra = current().slice(wish.replicas);
    const hasNew = current().some((it) => it.state === 'ready') || wish.replicas === 0;
    const outdated = hasNew ? serving().filter((it) => it.secretsVersion !== wish.secretsVersion) : [];
    for (const replica of [...extra, ...outdated]) {
      if (replica.state === 'ready') this.machine.set({ ...replica, state: 'leaving' });
      else this.machine.remove(replica, true);
    }
    for (const replica of own()) {
      if (replica.state === 'leaving' && wish.drained.has(replica.replicaId)) this.machine.remove(replica, true);
    }
  }

  async *observe(signal: AbortSignal): AsyncIterable<ObservedReplica> {
    // Listening begins before the first report, so that no change falls in between.
    const changes = on(this.machine.changes, 'change', { signal });
    yield* [...this.machine.replicas.values()].map(observedOf);
    try {
      for await (const [change] of changes) yield change as ObservedReplica;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async *logs(signal: AbortSignal): AsyncIterable<readonly FunctionLogLine[]> {
    while (!signal.aborted) {
      const [batch] = this.machine.output;
      if (batch) {
        yield batch;
        this.machine.output.shift();
      } else {
        await once(this.machine.changes, 'output', { signal }).catch(() => undefined);
      }
    }
  }

  sweep(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
