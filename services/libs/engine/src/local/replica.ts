import type { KeeperClient, KeeperProcess } from '@wherry/keeper';
import { tenantUid } from '@wherry/sandbox';
import type { DesiredRevision, ObservedReplica } from '../engine';
import { folderExists } from './adapters/host';
import type { ReplicaFolder, ReplicaRecord } from './adapters/replica-folder';
import { sealMount } from './adapters/seal-mount';
import type { Clock } from '../clock';
import { backoffMs, type ReplicaState, type ReplicaView } from './decide';
import { artifactDir, hasOwnUid, ownInside, renderReplica, type LocalHost } from './render-replica';
import type { ReplicaOutput } from './replica-output';

export type ReplicaSurroundings = Readonly<{
  host: LocalHost;
  keeper: KeeperClient;
  clock: Clock;
  startDeadlineMs: number;
  graceMs: number;
  outputFile: (replicaId: string) => string;
  onChange: (replica: Replica) => void;
}>;

/** A replica that served for so long has shown that it works: the next crash begins with the shortest wait again. */
const provenMs = 60_000;
const forgetPollMs = 20;
const retryMs = 1000;
const keeperPrefix = 'replica-';

export function keeperId(replicaId: string): string {
  return `${keeperPrefix}${replicaId}`;
}

export function replicaIdOf(id: string): string | null {
  return id.startsWith(keeperPrefix) ? id.slice(keeperPrefix.length) : null;
}

/** The life of one replica: started, found healthy, started again when it crashes, told to leave, stopped, gone. */
export class Replica {
  state: ReplicaState = 'starting';
  private isReleased = false;
  private reason: string | null = null;
  private nextStartAtMs = 0;
  private failures: number;
  private process: KeeperProcess | null = null;
  private lastExit: KeeperProcess | null = null;
  private attempt = new AbortController();
  /** What is asked of the keeper, one after the other: a stop must not overtake the start before it. */
  private calls: Promise<unknown> = Promise.resolve();

  constructor(
    private record: ReplicaRecord,
    private readonly folder: ReplicaFolder,
    readonly output: ReplicaOutput,
    private readonly around: ReplicaSurroundings,
  ) {
    this.failures = record.restarts;
  }

  get id(): string {
    return this.record.replicaId;
  }

  get view(): ReplicaView {
    const { replicaId, revisionId, secretsVersion } = this.record;
    return { replicaId, revisionId, secretsVersion, state: this.state, nextStartAtMs: this.nextStartAtMs };
  }

  /** Whether its output may hold secrets, and which ones. */
  get secrecy(): Pick<ReplicaRecord, 'hasSecrets' | 'secretsVersion' | 'revisionId'> {
    return this.record;
  }

  get observed(): ObservedReplica {
    const { tenantId, revisionId, replicaId, restarts, startedAtMs } = this.record;
    const serves = this.state === 'ready' || this.state === 'leaving';
    return {
      ...{ tenantId, revisionId, replicaId, restarts, startedAtMs, reason: this.reason },
      state: this.state === 'stopping' ? 'leaving' : this.state,
      endpoint: serves ? { kind: 'unix', path: this.folder.socket } : null,
    };
  }

  /** The first start, or one after a crash. */
  start(revision: DesiredRevision, isRestart: boolean): void {
    const { clock, host, keeper } = this.around;
    const restarts = this.record.restarts + (isRestart ? 1 : 0);
    this.record = { ...this.record, restarts, startedAtMs: clock.nowMs() };
    this.become('starting', null);
    const attempt = (this.attempt = new AbortController());
    this.inOrder(async () => {
      if (!folderExists(artifactDir(host, revision.artifactDigest))) {
        throw new Error('The built artifact is missing; push or deploy the function again.');
      }
      if (isRestart) await this.forget();
      if (attempt.signal.aborted) return;
      this.folder.prepare(this.record, hasOwnUid(host) ? tenantUid(revision.tenantNumber) : null);
      const paths = { own: this.folder.own, output: this.around.outputFile(this.id) };
      this.process = await keeper.start(keeperId(this.id), renderReplica(revision, host, paths));
      // It may have ended before we learned its pid.
      const seen = this.process.state === 'exited' ? this.process : this.lastExit;
      if (seen) this.onExit(seen);
      if (this.view.state === 'starting') void this.watchOver(attempt);
    }, attempt.signal);
  }

  /** Goes on where another engine instance stopped. `process` is null when the keeper has none. */
  adopt(process: KeeperProcess | null): void {
    this.process = process;
    if (process === null) this.becomeGone();
    else if (process.state === 'exited') this.onExit(process);
    else if (this.record.isLeaving) this.become('leaving', null);
    else if (this.folder.wasHealthy) {
      this.become('ready', null);
      void this.seal(this.attempt);
    } else {
      this.become('starting', null);
      void this.watchOver(this.attempt);
    }
  }

  leave(): void {
    this.record = { ...this.record, isLeaving: true };
    this.folder.write(this.record);
    this.become('leaving', null);
  }

  stop(): void {
    if (this.isReleased) return;
    this.attempt.abort();
    const hasExited = this.state === 'crashed';
    this.become('stopping', null);
    this.inOrder(async () => {
      await this.around.keeper.stop(keeperId(this.id), this.around.graceMs);
      if (hasExited || this.process === null) this.becomeGone();
    });
  }

  /** May be told twice, late, or of a former process of this replica. */
  onExit(exited: KeeperProcess): void {
    if (this.isReleased) return;
    this.lastExit = exited;
    const isMine = this.process?.pid === exited.pid && this.process.startTime === exited.startTime;
    if (!isMine || this.state === 'gone' || this.state === 'crashed') return;
    this.attempt.abort();
    if (this.state === 'stopping' || this.state === 'leaving' || this.record.isLeaving) {
      void this.around.keeper.stop(keeperId(this.id), 0).catch(() => undefined);
      this.becomeGone();
    } else this.crash(exitReason(exited));
  }

  /** The keeper does not know it any more, so its exit was missed. */
  onMissing(): void {
    if (this.process && this.state !== 'crashed') {
      this.onExit({ ...this.process, state: 'exited', exitCode: null, signal: null });
    }
  }

  /** Whether the keeper should have a running process for it. */
  get isExpectedToRun(): boolean {
    return this.process !== null && ['starting', 'ready', 'leaving', 'stopping'].includes(this.state);
  }

  /** Lets go of it; it runs on. */
  release(): void {
    this.isReleased = true;
    this.attempt.abort();
    this.output.close();
  }

  /** Removes what is left of it on the disk, once all its output is shipped. */
  clean(): boolean {
    if (this.state !== 'gone' || !this.output.isFinished) return false;
    this.output.remove();
    this.folder.remove();
    return true;
  }

  private async watchOver(attempt: AbortController): Promise<void> {
    const { clock, host, startDeadlineMs, keeper } = this.around;
    const deadline = new AbortController();
    const cancel = clock.after(startDeadlineMs, () => deadline.abort());
    try {
      await this.folder.becomeHealthy(hasOwnUid(host), AbortSignal.any([attempt.signal, deadline.signal]));
      if (attempt.signal.aborted) return;
      this.become('ready', null);
      void this.seal(attempt);
    } catch (error) {
      if (attempt.signal.aborted) return;
      const told = deadline.signal.aborted
        ? `The function did not answer GET /_/health with 200 within ${startDeadlineMs / 1000} s.`
        : `The function's socket could not be used: ${(error as Error).message}`;
      this.inOrder(() => keeper.stop(keeperId(this.id), 0));
      this.crash(told);
    } finally {
      cancel();
    }
  }

  /** From now on it cannot fill the disk through the one folder it shares with the host. No cold start waits for it. */
  private async seal(attempt: AbortController): Promise<void> {
    const { host, keeper } = this.around;
    if (!hasOwnUid(host) || this.process === null) return;
    try {
      await sealMount(this.process.pid, ownInside);
    } catch (error) {
      if (attempt.signal.aborted || this.state !== 'ready') return;
      attempt.abort();
      this.inOrder(() => keeper.stop(keeperId(this.id), 0));
      this.crash(`The function was stopped: ${(error as Error).message}`);
    }
  }

  /** Removes the keeper's entry of the last run, and waits until it is gone: an id is started once only. */
  private async forget(): Promise<void> {
    const { keeper, clock } = this.around;
    this.process = null;
    this.lastExit = null;
    await keeper.stop(keeperId(this.id), 0);
    while ((await keeper.list()).some((each) => each.id === keeperId(this.id))) {
      await new Promise<void>((resolve) => void clock.after(forgetPollMs, resolve));
    }
  }

  private crash(why: string): void {
    const { clock } = this.around;
    const nowMs = clock.nowMs();
    this.output.read(nowMs, true);
    if (nowMs - this.record.startedAtMs >= provenMs && this.state === 'ready') this.failures = 0;
    const waitMs = backoffMs(this.failures);
    this.failures += 1;
    this.nextStartAtMs = nowMs + waitMs;
    const { lastLines } = this.output;
    this.output.say(`${why} It is started again in ${waitMs / 1000} s.`, nowMs);
    this.become('crashed', lastLines === '' ? why : `${why} Its last output:\n${lastLines}`);
  }

  private becomeGone(): void {
    if (this.isReleased || this.state === 'gone') return;
    this.output.end(this.around.clock.nowMs());
    this.become('gone', this.reason);
  }

  private become(state: ReplicaState, reason: string | null): void {
    this.state = state;
    this.reason = reason;
    this.around.onChange(this);
  }

  private inOrder(work: () => Promise<void>, signal?: AbortSignal): void {
    this.calls = this.calls.then(work).catch((error: unknown) => {
      if (signal?.aborted || this.isReleased || this.state === 'gone') return;
      // The keeper does not answer: it is asked again, because a replica must not be forgotten while it may run.
      if (this.state === 'stopping') this.around.clock.after(retryMs, () => this.stop());
      else this.crash(error instanceof Error ? error.message : String(error));
    });
  }
}

function exitReason({ exitCode, signal, outOfMemory }: KeeperProcess): string {
  if (outOfMemory) return 'The function was ended because it used more memory than its limit.';
  if (exitCode !== null) return `The function exited with code ${exitCode}.`;
  return signal === null ? 'The function ended.' : `The function was ended by ${signal}.`;
}
