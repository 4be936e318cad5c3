import { z } from 'zod';
import type { PlanOutcome, PlanStore, Tx } from '@wherry/db';
import type { Log } from '@wherry/logging';
import type { Clock } from '../clock';
import type { Identities } from '../identities';
import type { Source } from '../source/source';
import { decidePlan } from './decide-plan';

/** The root directory that is deployed: the whole repository. */
export const rootDir = '.';

/**
 * A job names only what to look at; the plan asks for the head itself, so that late, doubled and reordered jobs do no
 * harm. `forcedAt` (epoch ms) asks for a build of a head that was handled before.
 */
export const PlanJob = z.object({
  tenantId: z.string(),
  repositoryId: z.string(),
  ref: z.string(),
  forcedAt: z.number().nullish(),
});
export type PlanJob = z.infer<typeof PlanJob>;

/** How often a plan asks again when others plan the same key at the same time. */
const maxTries = 10;

export type PlanHeadParts = Readonly<{
  store: PlanStore;
  source: Source;
  identities: Identities;
  clock: Clock;
  log: Log;
  /** Queues the build in the given transaction. */
  enqueueBuild: (tx: Tx, tenantId: string, deploymentId: string) => Promise<void>;
}>;

/** Makes the head of a production branch a deployment. */
export class PlanHead {
  constructor(private readonly parts: PlanHeadParts) {}

  /** @throws when the source or the database does not answer; the job is then tried again. */
  async execute(job: PlanJob): Promise<PlanOutcome> {
    const startedAt = this.parts.clock.now();
    const { tenantId, repositoryId } = job;
    for (let tries = 0; tries < maxTries; tries += 1) {
      const outcome = await this.tryOnce(job);
      if (outcome.kind === 'moved') continue;
      const deploymentId = outcome.deploymentId ?? undefined;
      const durationMs = this.parts.clock.now() - startedAt;
      const fields = { op: 'deployment.plan', ok: true, tenantId, repositoryId, deploymentId, durationMs };
      this.parts.log.write({ ...fields, message: outcome.kind });
      return outcome;
    }
    throw new Error('Other plans of the same branch came between each time.');
  }

  private async tryOnce(job: PlanJob): Promise<PlanOutcome> {
    const { store, source, identities } = this.parts;
    const key = { repositoryId: job.repositoryId, rootDir, ref: job.ref };
    const token = identities.token();
    const subject = await store.open(job.tenantId, key, { id: token.id, hash: token.hash });
    if (!subject?.isProduction) return { kind: 'nothing', deploymentId: null };
    const repository = { tenantSlug: subject.tenantSlug, name: subject.repositoryName, token: token.value };
    const head = await source.head(repository, job.ref);
    if (!head) return { kind: 'nothing', deploymentId: subject.newestId };
    const deploymentId = identities.id('deployment');
    const { environmentId, newestId } = subject;
    return store.record(
      job.tenantId,
      { ...key, ...head, deploymentId, environmentId, newestId, tokenId: token.id },
      (state) => decidePlan(state, head, job.forcedAt ?? null),
      (tx) => this.parts.enqueueBuild(tx, job.tenantId, deploymentId),
    );
  }
}
