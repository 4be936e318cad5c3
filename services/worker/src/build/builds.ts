import { describeError, type Log } from '@wherry/logging';
import { RunBuild, type RunBuildParts } from './run-build';

/** Between two looks at whether a build should go on, when nothing is heard; also how often its lease is renewed. */
const renewMs = 5_000;

type Running = { isClaimed: boolean; ended: AbortController; recheck: () => void; done: Promise<void> };

export type BuildsParts = RunBuildParts & Readonly<{ log: Log; concurrency: number }>;

/** The builds of this worker: at most `concurrency` at a time, each deployment once. */
export class Builds {
  private readonly running = new Map<string, Running>();
  private readonly waiting: (() => void)[] = [];
  private readonly stopping = new AbortController();
  private free: number;

  constructor(private readonly parts: BuildsParts) {
    this.free = parts.concurrency;
  }

  /** Builds it, or joins the build that runs here. Returns when this worker has nothing more to do with it. */
  async run(tenantId: string, deploymentId: string): Promise<void> {
    const known = this.running.get(deploymentId);
    if (known) return known.done;
    if (this.stopping.signal.aborted) return;
    const entry: Running = {
      isClaimed: false,
      ended: new AbortController(),
      recheck: () => undefined,
      done: Promise.resolve(),
    };
    this.running.set(deploymentId, entry);
    entry.done = this.runInTurn(tenantId, deploymentId, entry).finally(() => this.running.delete(deploymentId));
    return entry.done;
  }

  /** A deployment changed: what should not be built any more is ended. */
  async changed(tenantId: string, deploymentId: string): Promise<void> {
    const entry = this.running.get(deploymentId);
    if (entry?.isClaimed) entry.recheck();
    else await this.parts.builds.cancelWaiting(tenantId, deploymentId);
  }

  /** Notifications may have been missed: looks at every build. */
  recheckAll(): void {
    for (const entry of this.running.values()) entry.recheck();
  }

  /** `waiting`: for a place, because as many as may run at a time do. */
  counts(): { running: number; waiting: number } {
    const waiting = this.waiting.length;
    return { running: this.running.size - waiting, waiting };
  }

  isRunning(deploymentId: string): boolean {
    return this.running.has(deploymentId);
  }

  /** Lets go of every build; their builders go on. */
  async close(): Promise<void> {
    this.stopping.abort();
    for (const wake of this.waiting.splice(0)) wake();
    await Promise.allSettled([...this.running.values()].map((entry) => entry.done));
  }

  private async runInTurn(tenantId: string, deploymentId: string, entry: Running): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      if (!this.stopping.signal.aborted) await this.runNow(tenantId, deploymentId, entry);
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }

  private async runNow(tenantId: string, deploymentId: string, entry: Running): Promise<void> {
    const startedAt = this.parts.clock.now();
    const note = (ok: boolean, message: string) => {
      const durationMs = this.parts.clock.now() - startedAt;
      this.parts.log.write({ op: 'deployment.build', ok, tenantId, deploymentId, durationMs, message });
    };
    try {
      const build = new RunBuild(this.parts, tenantId, deploymentId);
      if (!(await build.claim())) return;
      const watch = this.watch(tenantId, deploymentId, entry);
      const end = await build.execute(this.stopping.signal, entry.ended.signal).finally(() => watch.abort());
      note(true, end);
      // From here on a cancel is for the release; one that came while the build was ending was heard by nobody.
      entry.isClaimed = false;
      if (end === 'released') await this.parts.builds.cancelWaiting(tenantId, deploymentId);
      if (end !== 'left') await this.parts.runner.cleanUp(deploymentId);
    } catch (error) {
      // Whoever takes it up next continues where the rows say.
      note(false, describeError(error));
      throw error;
    }
  }

  /** Renews the lease, and ends the build here when its row says so. */
  private watch(tenantId: string, deploymentId: string, entry: Running): AbortController {
    const { builds, lease, clock } = this.parts;
    const over = new AbortController();
    let woken = new AbortController();
    entry.isClaimed = true;
    entry.recheck = () => woken.abort();
    const loop = async () => {
      while (!over.signal.aborted && !entry.ended.signal.aborted) {
        await clock.sleep(renewMs, AbortSignal.any([woken.signal, over.signal]));
        if (over.signal.aborted) return;
        woken = new AbortController();
        const state = await builds.renew(tenantId, deploymentId, lease).catch(() => undefined);
        if (state === undefined) continue;
        const mayGoOn = state?.status === 'building' && state.isOwner && !state.isCancelRequested;
        if (!mayGoOn) entry.ended.abort();
      }
    };
    void loop();
    return over;
  }
}
