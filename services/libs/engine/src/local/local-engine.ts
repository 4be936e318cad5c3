import { newId } from '@wherry/domain';
import type { KeeperClient } from '@wherry/keeper';
import { detectEgress } from '@wherry/sandbox';
import type { DesiredRevision, Engine, FunctionLogLine, ObservedReplica } from '../engine';
import { systemClock } from '../adapters/clock';
import {
  isRunByRoot,
  listOutputs,
  makeFolders,
  outputPath,
  removeOutput,
  systemRandom,
  watchOutputs,
} from './adapters/host';
import { ReplicaFolder, type ReplicaRecord } from './adapters/replica-folder';
import type { Clock } from '../clock';
import { decide } from './decide';
import { redactionNeedles } from '../redact';
import type { LocalHost } from './render-replica';
import { keeperId, Replica, replicaIdOf, type ReplicaSurroundings } from './replica';
import { ReplicaOutput } from './replica-output';
import { untilAborted, Wake } from '../wake';

export type LocalEngineOptions = Readonly<{
  keeper: KeeperClient;
  /** Sockets and records: `<runDir>/replicas/<replica id>/`. Short: a socket's path has at most 107 bytes. */
  runDir: string;
  /** `<artifactsDir>/<hex digest>/`. */
  artifactsDir: string;
  /** `<outputDir>/<replica id>.log`. */
  outputDir: string;
  /** The pinned Node binary. */
  nodeFile: string;
  sandbox: 'bubblewrap' | 'none';
  /** Found by looking when it is not given. */
  egress?: 'slirp4netns' | 'none';
  isRoot?: boolean;
  /** From the start of the process until it must have answered its health check. */
  startDeadlineMs?: number;
  /** From SIGTERM to SIGKILL. */
  graceMs?: number;
  clock?: Clock;
  randomBytes?: (count: number) => Uint8Array;
  /** Told once each: what the operator should know, such as that functions have no way out. */
  onNotice?: (text: string) => void;
  /** Failures of the engine's own; it goes on. */
  onError?: (error: unknown) => void;
}>;

const retryMs = 200;
/** Exits are told by the keeper; this finds those that were missed. */
const resyncMs = 5000;
const outputDelayMs = 20;
const maxBatch = 1000;

/** Runs revisions as processes of this machine, under the keeper. See `Engine`; and README.md for what it never does. */
export class LocalEngine implements Engine {
  private readonly clock: Clock;
  private readonly replicas = new Map<string, Replica>();
  private wish: ReadonlyMap<string, DesiredRevision> | null = null;
  private readonly closing = new AbortController();
  private readonly work = new Wake();
  private readonly seen = new Wake();
  private readonly written = new Wake();
  private readonly unseen = new Map<string, ObservedReplica>();
  private readonly grown = new Set<string>();
  private readonly adopted: Promise<ReplicaSurroundings>;
  private readonly loops: Promise<unknown>[];
  private endOutputWatch: () => void = () => undefined;

  constructor(private readonly options: LocalEngineOptions) {
    this.clock = options.clock ?? systemClock;
    makeFolders([options.runDir, options.outputDir]);
    this.adopted = this.prepare();
    this.loops = [this.adopted, this.reconcile(), this.followExits(), this.resync()].map((loop) =>
      Promise.resolve(loop).catch((error: unknown) => this.fail(error)),
    );
  }

  apply(desired: readonly DesiredRevision[]): void {
    this.wish = new Map(desired.map((each) => [each.revisionId, each]));
    this.work.notify();
  }

  async *observe(signal: AbortSignal): AsyncIterable<ObservedReplica> {
    const ended = AbortSignal.any([signal, this.closing.signal]);
    await this.adopted;
    for (const replica of this.replicas.values()) this.tell(replica);
    while (!ended.aborted) {
      const changes = [...this.unseen.values()];
      this.unseen.clear();
      yield* changes;
      if (this.unseen.size === 0) await this.seen.wait(ended);
    }
  }

  async *logs(signal: AbortSignal): AsyncIterable<readonly FunctionLogLine[]> {
    const ended = AbortSignal.any([signal, this.closing.signal]);
    await this.adopted;
    while (!ended.aborted) {
      const parts: { replica: Replica; lines: FunctionLogLine[] }[] = [];
      const waiting = [...this.replicas.values()].filter((each) => each.output.peek(1).length > 0);
      // Equal shares: one that prints without end must not keep the lines of the others waiting.
      const share = Math.max(1, Math.floor(maxBatch / waiting.length));
      for (const replica of waiting) {
        const lines = replica.output.peek(share);
        if (lines.length > 0) parts.push({ replica, lines });
      }
      if (parts.length === 0) {
        await this.written.wait(ended);
        continue;
      }
      yield parts.flatMap(({ lines }) => lines);
      if (this.closing.signal.aborted) return;
      for (const { replica, lines } of parts) replica.output.shipped(lines.length, this.clock.nowMs());
      for (const { replica } of parts) this.forgetIfDone(replica);
    }
  }

  async sweep(): Promise<number> {
    await this.adopted;
    const { keeper, runDir, outputDir } = this.options;
    const unknown = (id: string | null): id is string => id !== null && !this.replicas.has(id);
    const folders = ReplicaFolder.list(runDir).filter(unknown);
    const outputs = listOutputs(outputDir).filter(unknown);
    const running = (await keeper.list()).map((each) => replicaIdOf(each.id)).filter(unknown);
    for (const id of running) await keeper.stop(keeperId(id), 0);
    for (const id of folders) new ReplicaFolder(runDir, id).remove();
    for (const id of outputs) removeOutput(outputDir, id);
    return new Set([...folders, ...outputs, ...running]).size;
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.endOutputWatch();
    await Promise.all(this.loops);
    for (const replica of this.replicas.values()) replica.release();
  }

  /** Finds what an engine before this one left, running or not, and goes on with it. */
  private async prepare(): Promise<ReplicaSurroundings> {
    const { keeper, runDir, outputDir } = this.options;
    const around = await this.lookAround();
    const kept = await this.untilItWorks(() => keeper.list());
    for (const id of ReplicaFolder.list(runDir)) {
      const record = new ReplicaFolder(runDir, id).read();
      // Without a record nothing was started yet; the sweep removes the folder.
      if (record?.replicaId !== id) continue;
      const replica = this.add(record, around);
      replica.adopt(kept.find((each) => each.id === keeperId(id)) ?? null);
    }
    this.endOutputWatch = watchOutputs(outputDir, (id) => this.onGrowth(id));
    this.work.notify();
    return around;
  }

  private async lookAround(): Promise<ReplicaSurroundings> {
    const { options } = this;
    let { egress } = options;
    if (egress === undefined) {
      const found = options.sandbox === 'none' ? null : await detectEgress();
      if (found?.kind === 'none') options.onNotice?.(found.reason);
      egress = found?.kind ?? 'none';
    }
    const { sandbox, nodeFile, artifactsDir, keeper } = options;
    const host: LocalHost = { sandbox, nodeFile, artifactsDir, egress, isRoot: options.isRoot ?? isRunByRoot() };
    return {
      ...{ host, keeper, clock: this.clock },
      startDeadlineMs: options.startDeadlineMs ?? 30_000,
      graceMs: options.graceMs ?? 10_000,
      outputFile: (replicaId) => outputPath(options.outputDir, replicaId),
      onChange: (replica) => {
        this.tell(replica);
        this.work.notify();
        this.written.notify();
      },
    };
  }

  private async untilItWorks<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (this.closing.signal.aborted) throw error;
        this.options.onError?.(error);
        await this.pause(retryMs);
      }
    }
  }

  private add(record: ReplicaRecord, around: ReplicaSurroundings): Replica {
    const { tenantId, revisionId, replicaId } = record;
    const output = new ReplicaOutput(around.outputFile(replicaId), { tenantId, revisionId, replicaId });
    const replica = new Replica(record, new ReplicaFolder(this.options.runDir, replicaId), output, around);
    this.replicas.set(replicaId, replica);
    return replica;
  }

  private async reconcile(): Promise<void> {
    const around = await this.adopted;
    let cancelTimer: () => void = () => undefined;
    while (!this.closing.signal.aborted) {
      await this.work.wait(this.closing.signal);
      cancelTimer();
      if (this.closing.signal.aborted || !this.wish) continue;
      this.reveal(this.wish);
      for (const replica of [...this.replicas.values()]) this.forgetIfDone(replica);
      const nowMs = this.clock.nowMs();
      const views = [...this.replicas.values()].map((each) => each.view);
      for (const action of decide(this.wish, views, nowMs)) {
        if (action.kind === 'start') this.startNew(this.wish.get(action.revisionId)!, around);
        else this.act(action.kind, this.replicas.get(action.replicaId)!);
      }
      const waits = views.filter((each) => each.state === 'crashed').map((each) => each.nextStartAtMs - nowMs);
      const nextMs = Math.min(...waits.filter((wait) => wait > 0));
      cancelTimer = Number.isFinite(nextMs) ? this.clock.after(nextMs, () => this.work.notify()) : () => undefined;
    }
    cancelTimer();
  }

  private act(kind: 'restart' | 'leave' | 'stop', replica: Replica): void {
    const revision = this.wish?.get(replica.secrecy.revisionId);
    if (kind === 'restart' && revision) replica.start(revision, true);
    else if (kind === 'leave') replica.leave();
    else replica.stop();
  }

  private startNew(revision: DesiredRevision, around: ReplicaSurroundings): void {
    const { tenantId, revisionId, secretsVersion, secrets } = revision;
    const record: ReplicaRecord = {
      ...{ tenantId, revisionId, secretsVersion, hasSecrets: secrets.size > 0 },
      replicaId: newId('replica', this.options.randomBytes ?? systemRandom),
      restarts: 0,
      startedAtMs: this.clock.nowMs(),
      isLeaving: false,
    };
    const replica = this.add(record, around);
    replica.output.revealWith(redactionNeedles(secrets.values()), this.clock.nowMs());
    replica.start(revision, false);
  }

  /** Adopted replicas' output is read only once the values are known that must not be seen in it. */
  private reveal(wish: ReadonlyMap<string, DesiredRevision>): void {
    for (const { output, secrecy } of this.replicas.values()) {
      if (output.canRead) continue;
      const revision = wish.get(secrecy.revisionId);
      const isSame = revision?.secretsVersion === secrecy.secretsVersion;
      const values = isSame ? [...revision.secrets.values()] : [];
      output.revealWith(isSame || !secrecy.hasSecrets ? redactionNeedles(values) : null, this.clock.nowMs());
      output.read(this.clock.nowMs());
      this.written.notify();
    }
  }

  private tell(replica: Replica): void {
    this.unseen.set(replica.id, replica.observed);
    this.seen.notify();
  }

  private forgetIfDone(replica: Replica): void {
    if (replica.clean()) this.replicas.delete(replica.id);
  }

  private onGrowth(replicaId: string): void {
    if (!this.replicas.has(replicaId)) return;
    this.grown.add(replicaId);
    if (this.grown.size > 1) return;
    // Lines come in bursts; one look takes the whole burst.
    this.clock.after(outputDelayMs, () => {
      if (this.closing.signal.aborted) return;
      for (const id of this.grown) this.replicas.get(id)?.output.read(this.clock.nowMs());
      this.grown.clear();
      this.written.notify();
    });
  }

  private async followExits(): Promise<void> {
    await this.adopted;
    for await (const exited of this.options.keeper.exits(this.closing.signal)) {
      this.replicas.get(replicaIdOf(exited.id) ?? '')?.onExit(exited);
    }
  }

  private async resync(): Promise<void> {
    await this.adopted;
    for (;;) {
      await this.pause(resyncMs);
      if (this.closing.signal.aborted) return;
      const before = [...this.replicas.values()].filter((each) => each.isExpectedToRun);
      const kept = new Set((await this.untilItWorks(() => this.options.keeper.list())).map((each) => each.id));
      for (const replica of before) if (!kept.has(keeperId(replica.id))) replica.onMissing();
      // Output that waited because its replica printed too much at once.
      for (const replica of this.replicas.values()) replica.output.read(this.clock.nowMs());
      this.written.notify();
      this.work.notify();
    }
  }

  private async pause(ms: number): Promise<void> {
    let cancel: () => void = () => undefined;
    await untilAborted(this.closing.signal, (resolve) => (cancel = this.clock.after(ms, resolve)));
    cancel();
  }

  private fail(error: unknown): void {
    if (!this.closing.signal.aborted) this.options.onError?.(error);
  }
}
