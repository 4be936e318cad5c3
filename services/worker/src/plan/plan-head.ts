import { RepositorySettings } from '@wherry/contract';
import type { GithubPlace, GithubPullRequestStore, PlanOutcome, PlanStore, PlanSubject, Tx } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import { z } from 'zod';
import type { Clock } from '../clock';
import type { Identities } from '../identities';
import { type Head, type Inspector, type Source, SourceRefusedError } from '../source/source';
import { decidePlan, mayPass, type PlanFacts, plainFacts } from './decide-plan';
import { type Destination, destinationOf } from './destination';
import { factsOf, judge, type Planned } from './gather-facts';

/** The root directory of a repository on the built-in remote: the whole of it. */
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
  pulls: Pick<GithubPullRequestStore, 'seen' | 'gone'>;
  source: Source;
  inspector: Inspector;
  identities: Identities;
  clock: Clock;
  log: Log;
  /** Queues the build in the given transaction. */
  enqueueBuild: (tx: Tx, tenantId: string, deploymentId: string) => Promise<void>;
}>;

type Opened = Readonly<{
  job: PlanJob;
  subject: PlanSubject;
  settings: RepositorySettings;
  destination: Destination;
  head: Head;
  tokenId: string;
}>;

/** Makes the head of a branch or a pull request deployments: one in each root directory of the repository. */
export class PlanHead {
  constructor(private readonly parts: PlanHeadParts) {}

  /**
   * @throws SourceRefusedError when the source refuses: trying again changes nothing until somebody does what it says.
   * Another Error when the source or the database does not answer.
   */
  async execute(job: PlanJob): Promise<readonly PlanOutcome[]> {
    const startedAt = this.parts.clock.now();
    const { tenantId, repositoryId } = job;
    const note = (ok: boolean, message: string, deploymentId?: string) => {
      const durationMs = this.parts.clock.now() - startedAt;
      this.parts.log.write({ op: 'deployment.plan', ok, tenantId, repositoryId, deploymentId, durationMs, message });
    };
    try {
      const outcomes = await this.untilSettled(job);
      for (const each of outcomes) {
        if (each.kind !== 'moved') note(true, each.kind, each.deploymentId ?? undefined);
      }
      return outcomes;
    } catch (error) {
      if (error instanceof SourceRefusedError) note(false, describeError(error));
      throw error;
    }
  }

  private async untilSettled(job: PlanJob): Promise<readonly PlanOutcome[]> {
    const queued: PlanOutcome[] = [];
    for (let tries = 0; tries < maxTries; tries += 1) {
      const outcomes = await this.tryOnce(job);
      if (outcomes.every(({ kind }) => kind !== 'moved')) return [...queued, ...outcomes];
      // Those stay as they are: the next try finds nothing new there.
      queued.push(...outcomes.filter(({ kind }) => kind === 'queued' || kind === 'skipped'));
    }
    throw new Error('Other plans of the same branch came between each time.');
  }

  private async tryOnce(job: PlanJob): Promise<readonly PlanOutcome[]> {
    const { store, pulls, source, identities } = this.parts;
    const { tenantId, repositoryId, ref } = job;
    const token = identities.token();
    const subject = await store.open(tenantId, { repositoryId, ref }, { id: token.id, hash: token.hash });
    if (!subject) return [];
    const settings = RepositorySettings.parse(subject.github ? subject.settings : {});
    if (subject.github) await this.removeOthers(job, settings);
    const destination = destinationOf(subject, settings, { repositoryId, ref }, () => identities.id('environment'));
    const repository = { tenantSlug: subject.tenantSlug, name: subject.repositoryName, github: subject.github };
    const head = destination && (await source.head(repository, ref, token.value));
    if (!head) {
      await store.close(tenantId, token.id);
      // What is not deployed any more, because it is gone or switched off, has no preview either.
      if (subject.github) await pulls.gone(tenantId, repositoryId, ref);
      return [{ kind: 'nothing', deploymentId: subject.newest[0]?.id ?? null }];
    }
    return this.plan({ job, subject, settings, destination, head, tokenId: token.id });
  }

  /** A folder that is not among the settings' any more is not deployed any more, whatever the heads are. */
  private async removeOthers({ tenantId, repositoryId }: PlanJob, { roots }: RepositorySettings): Promise<void> {
    const { store, identities } = this.parts;
    const folders = roots.map(({ dir }) => dir);
    const newIds = () => ({ deploymentId: identities.id('deployment'), releaseId: identities.id('release') });
    const removed = await store.removeOthers(tenantId, repositoryId, folders, newIds);
    for (const deploymentId of removed) {
      const message = 'Its folder was taken out of the settings.';
      this.parts.log.write({ op: 'deployment.remove', ok: true, tenantId, repositoryId, deploymentId, message });
    }
  }

  private async plan(opened: Opened): Promise<readonly PlanOutcome[]> {
    const { subject, settings } = opened;
    if (!subject.github) return [await this.record(opened, rootDir, plainFacts)];
    const planned = await this.plannedOf(opened, subject.github);
    const unknown = settings.roots.filter(({ dir }) => !isKnown(opened, planned, dir));
    const judgement = unknown.length > 0 ? await judge(this.parts.inspector, planned) : null;
    // All is found out before anything is recorded: a refusal half way leaves no part of the commit deployed.
    const found = new Map<string, PlanFacts>();
    if (judgement !== null) {
      for (const { dir } of unknown) {
        found.set(dir, await factsOf(this.parts.inspector, planned, dir, judgement, this.parts.clock.now()));
      }
    }
    const outcomes: PlanOutcome[] = [];
    for (const { dir } of settings.roots) outcomes.push(await this.record(opened, dir, found.get(dir) ?? null));
    return outcomes;
  }

  private async plannedOf({ job, subject, head, settings, destination }: Opened, place: GithubPlace): Promise<Planned> {
    const { pull, commitSha } = head;
    const seen = pull && (await this.parts.pulls.seen(job.tenantId, job.repositoryId, { ...pull, headSha: commitSha }));
    const { environmentId } = destination;
    return { place, subject, settings, head, environmentId, grantedSha: seen?.grantedSha ?? null };
  }

  /** @param facts null for a head that seems to have been handled: it is looked at again should that be wrong. */
  private record(opened: Opened, dir: string, facts: PlanFacts | null): Promise<PlanOutcome> {
    const { job, subject, destination, head, tokenId } = opened;
    const { commitSha, treeSha, message, author } = head;
    const deploymentId = this.parts.identities.id('deployment');
    const newestId = subject.newest.find((each) => each.rootDir === dir)?.id ?? null;
    return this.parts.store.record(
      job.tenantId,
      {
        ...{ repositoryId: job.repositoryId, rootDir: dir, ref: job.ref, commitSha, treeSha, message, author },
        ...{
          deploymentId,
          environment: destination.environment,
          trust: facts?.trust ?? 'untrusted',
          newestId,
          tokenId,
        },
        isLedgered: subject.github !== null,
      },
      (state) => decidePlan(state, head, job.forcedAt ?? null, facts),
      (tx) => this.parts.enqueueBuild(tx, job.tenantId, deploymentId),
    );
  }
}

/** Whether nothing is to be found out about a root directory, because its head was handled. */
function isKnown({ job, subject, head }: Opened, { grantedSha }: Planned, dir: string): boolean {
  const newest = subject.newest.find((each) => each.rootDir === dir);
  if (job.forcedAt || !newest?.isCurrent || newest.commitSha !== head.commitSha) return false;
  // The folder was taken out of the settings, and is back; or what it was skipped for may be over.
  if (newest.treeSha !== head.treeSha || mayPass(newest.skipCause)) return false;
  return newest.trust === 'trusted' || grantedSha !== head.commitSha;
}
