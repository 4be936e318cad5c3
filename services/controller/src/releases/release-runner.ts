import type { ReleaseEnding, ReleaseStore } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import { closed, type ReleaseStep } from './decide-releases';

/** What steps are written to; `ReleaseStore` is one. */
export type ReleaseTable = Pick<ReleaseStore, 'route' | 'finish'>;

/**
 * Takes the steps that were decided, one at a time per release. A step that fails is decided again from what is then
 * true, so nothing is tried again here.
 */
export class ReleaseRunner {
  private readonly running = new Map<string, Promise<void>>();

  /** @param onMoved called after each step that changed something. */
  constructor(
    private readonly table: ReleaseTable,
    private readonly log: Log,
    private readonly now: () => number,
    private readonly onMoved: () => void,
  ) {}

  take(steps: readonly ReleaseStep[]): void {
    for (const step of steps) {
      if (this.running.has(step.releaseId)) continue;
      const run = this.run(step).finally(() => this.running.delete(step.releaseId));
      this.running.set(step.releaseId, run);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.values());
  }

  private async run(step: ReleaseStep): Promise<void> {
    const startedMs = this.now();
    const { tenantId, releaseId, deploymentId } = step;
    const ids = { op: `release.${step.kind}`, tenantId, releaseId, deploymentId };
    try {
      const outcome = step.kind === 'route' ? await this.route(step) : await this.finish(step);
      if (outcome === null) return;
      this.log.write({ ...ids, ok: true, durationMs: this.now() - startedMs, message: outcome });
      this.onMoved();
    } catch (error) {
      const failure = { ok: false, durationMs: this.now() - startedMs, message: describeError(error) };
      this.log.write({ ...ids, ...failure, errorCode: 'release.step_failed' });
    }
  }

  private async route({ tenantId, releaseId }: ReleaseStep): Promise<string | null> {
    const outcome = await this.table.route(tenantId, releaseId);
    if (outcome.kind === 'gone') return null;
    if (outcome.kind === 'routed') return `routed with version ${outcome.version}`;
    const ending = outcome.kind === 'closed' ? closed(outcome.reason) : refused(outcome.reason);
    return (await this.table.finish(tenantId, releaseId, ending)) ? ending.release : null;
  }

  private async finish(step: Extract<ReleaseStep, { kind: 'finish' }>): Promise<string | null> {
    const isChanged = await this.table.finish(step.tenantId, step.releaseId, step.ending);
    return isChanged ? step.ending.release : null;
  }
}

function refused(reason: string): ReleaseEnding {
  return { release: 'failed', deployment: 'failed', reason };
}
