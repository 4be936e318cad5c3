import type { SweepStore } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import type { Artifacts, BuilderRunner } from '../build/builder-runner';
import type { Clock } from '../clock';

export type SweepSettings = Readonly<{
  /** The name that this worker's leases are under. */
  owner: string;
  rootDir: string;
  /** Between two sweeps for unfinished work. */
  everyMs: number;
  /** Between two rounds of tidying: old tokens, revisions, artifacts and partitions. */
  tidyEveryMs: number;
  /** Deployments of each (environment, repository, root directory) that can be rolled back to. */
  keepDeployments: number;
  keepLogDays: number;
  keepReceiptDays: number;
  /** Days after which pushes and deployments that are over, and that nothing needs, are forgotten. */
  keepHistoryDays: number;
  /** Days whose partitions are made ahead. */
  daysAhead: number;
  /** Artifacts younger than this are left alone: a build may be about to name them. */
  artifactGraceMs: number;
}>;

/** What the sweep has done again; each may be done twice. */
export type SweepActions = Readonly<{
  plan: (job: Readonly<{ tenantId: string; repositoryId: string; ref: string }>) => Promise<unknown>;
  build: (tenantId: string, deploymentId: string) => Promise<unknown>;
  prove: (tenantId: string, releaseId: string) => Promise<unknown>;
  cancel: (tenantId: string, deploymentId: string) => Promise<unknown>;
  /** Begins the reports that are due. Returns how many. */
  report: () => Promise<number>;
  isBuilding: (deploymentId: string) => boolean;
}>;

export type SweepParts = Readonly<{
  store: SweepStore;
  runner: BuilderRunner;
  artifacts: Artifacts;
  clock: Clock;
  log: Log;
  settings: SweepSettings;
  actions: SweepActions;
}>;

/** Heads younger than this come with a plan job of their own. At the first sweep of a process none is too young. */
const settledSeconds = 10;

/** Finds what a kill or a lost message left lying, and has it done; removes what nobody needs any more. */
export class Sweep {
  private isFirst = true;

  constructor(private readonly parts: SweepParts) {}

  /** Sweeps now and again and again, until the signal aborts. A failure is logged and waits for the next round. */
  async run(stop: AbortSignal): Promise<void> {
    const { clock, settings } = this.parts;
    let tidyAt = clock.now();
    while (!stop.aborted) {
      const isTidying = clock.now() >= tidyAt;
      await this.guarded('work.sweep', () => this.resume());
      await this.guarded('report.sweep', () => this.parts.actions.report());
      if (isTidying && !stop.aborted) {
        tidyAt = clock.now() + settings.tidyEveryMs;
        await this.tidy(stop);
      }
      await clock.sleep(settings.everyMs, stop);
    }
  }

  /** Takes up unfinished work. Returns how much there was; the work itself goes on. */
  async resume(): Promise<number> {
    const { store, settings, actions } = this.parts;
    const found = await store.pending(settings.owner, settings.rootDir, this.isFirst ? 0 : settledSeconds);
    this.isFirst = false;
    const builds = found.builds.filter(({ deploymentId }) => !actions.isBuilding(deploymentId));
    for (const each of found.cancelled) this.begin(actions.cancel(each.tenantId, each.deploymentId));
    for (const each of found.unplanned) this.begin(actions.plan(each));
    for (const each of builds) this.begin(actions.build(each.tenantId, each.deploymentId));
    for (const each of found.routed) this.begin(actions.prove(each.tenantId, each.releaseId));
    return found.cancelled.length + found.unplanned.length + builds.length + found.routed.length;
  }

  /** Each part on its own: one that fails does not keep the others from being done. */
  async tidy(stop: AbortSignal): Promise<void> {
    const { store, settings } = this.parts;
    await this.guarded('partition.turn', async () => {
      await store.turnPartitions(settings.daysAhead, settings.keepLogDays, settings.keepReceiptDays);
      return 0;
    });
    await this.guarded('build.tidy', () => this.tidyBuilds());
    await this.guarded('tenant.tidy', () => this.tidyTenants(stop));
    await this.guarded('artifact.tidy', () => this.tidyArtifacts());
  }

  private async tidyBuilds(): Promise<number> {
    const { store, runner, actions } = this.parts;
    const ids = (await runner.leftovers()).filter((id) => !actions.isBuilding(id));
    const unfinished = new Set(await store.unfinishedBuilds(ids));
    const over = ids.filter((id) => !unfinished.has(id));
    for (const id of over) await runner.cleanUp(id);
    return over.length;
  }

  private async tidyTenants(stop: AbortSignal): Promise<number> {
    const { store, runner, settings } = this.parts;
    let removed = 0;
    for (const tenantId of await store.tenants()) {
      if (stop.aborted) break;
      removed += await store.purge(tenantId);
      removed += await store.removeExpiredTokens(tenantId);
      removed += await store.removeOldRevisions(tenantId, settings.keepDeployments);
      removed += await store.removeOldHistory(tenantId, settings.keepHistoryDays);
    }
    // After their rows, and found by what is on disk: should this be as far as it gets, the next round does the rest.
    for (const tenantId of await store.gone(await runner.cachedTenants())) await runner.removeCaches(tenantId);
    return removed;
  }

  private async tidyArtifacts(): Promise<number> {
    const { store, artifacts, settings } = this.parts;
    const used = await store.artifactsInUse();
    return used === null ? 0 : artifacts.removeUnused(used, settings.artifactGraceMs);
  }

  /** Lets work go on by itself; it logs its own failures, and the next sweep finds it again. */
  private begin(work: Promise<unknown>): void {
    work.catch(() => undefined);
  }

  private async guarded(op: string, work: () => Promise<number>): Promise<void> {
    const startedAt = this.parts.clock.now();
    try {
      const count = await work();
      if (count > 0) this.parts.log.write({ op, ok: true, count, durationMs: this.parts.clock.now() - startedAt });
    } catch (error) {
      const durationMs = this.parts.clock.now() - startedAt;
      this.parts.log.write({ op, ok: false, durationMs, message: describeError(error) });
    }
  }
}
