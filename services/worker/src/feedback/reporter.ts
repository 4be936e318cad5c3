import { RepositorySettings } from '@wherry/contract';
import type { ClaimedComment, ClaimedReport, CommentKey, GithubReportStore, ReportOutcome } from '@wherry/db';
import { GithubError, isGithub } from '@wherry/github';
import { describeError, type Log } from '@wherry/logging';
import type { Clock } from '../clock';
import { appOf, type GithubConnection } from '../github/github-connection';
import type { FeedbackAddresses } from './addresses';
import { decideReport, type ReportDecision } from './decide-report';
import { type RepositoryAccess, tellCheck, tellComment, tellDeployment } from './tell-github';

export type ReporterParts = Readonly<{
  store: GithubReportStore;
  github: GithubConnection;
  clock: Clock;
  log: Log;
  addresses: FeedbackAddresses;
}>;

/** Longer than one call can take, tokens and a second try included; renewed before each call. */
const leaseSeconds = 45;
/** After which a report that is fully told, but of a deployment that goes on, is looked at again. */
const restSeconds = 60;
/** While another deployment's report edits the same comment. */
const busySeconds = 2;
const firstPauseSeconds = 5;
const longestPauseSeconds = 3_600;
const patienceMs = 24 * 3_600_000;
/** Reports that are told at a time: GitHub asks Apps not to call it much in parallel. */
const atATime = 4;

/** What one round of telling came to so far. */
type Round = {
  checkRunId: number | null;
  githubDeploymentId: number | null;
  told: Record<string, string>;
  isBusy: boolean;
  errors: GithubError[];
};

/**
 * Tells GitHub what becomes of deployments: it compares a deployment with what was told of it, and tells the
 * difference. Whoever wakes it, and how often, does not matter.
 */
export class Reporter {
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly waiting: (() => void)[] = [];
  private free = atATime;
  private isClosed = false;

  constructor(private readonly parts: ReporterParts) {}

  /** Returns when all that is known of the deployment was told, or could not be; logs its failures and never throws. */
  run(tenantId: string, deploymentId: string): Promise<void> {
    const key = `${tenantId}/${deploymentId}`;
    const current = this.running.get(key);
    if (current) {
      this.again.add(key);
      return current;
    }
    const work = this.rounds(key, tenantId, deploymentId).finally(() => this.running.delete(key));
    this.running.set(key, work);
    return work;
  }

  /** Begins all reports that are due. Returns how many; the work itself goes on. */
  async resume(): Promise<number> {
    const due = await this.parts.store.pending();
    for (const each of due) void this.run(each.tenantId, each.deploymentId);
    return due.length;
  }

  /** Tells nothing new from now on, and waits for what is being told. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.running.values());
  }

  private async rounds(key: string, tenantId: string, deploymentId: string): Promise<void> {
    await this.enter();
    try {
      do {
        this.again.delete(key);
        if (!this.isClosed) await this.round(tenantId, deploymentId);
      } while (this.again.has(key) && !this.isClosed);
    } finally {
      this.again.delete(key);
      this.leave();
    }
  }

  private async round(tenantId: string, deploymentId: string): Promise<void> {
    const { store, clock, log } = this.parts;
    const startedAt = clock.now();
    const write = (ok: boolean, message: string) =>
      log.write({
        ...{ op: 'deployment.report', ok, tenantId, deploymentId, message },
        durationMs: clock.now() - startedAt,
      });
    try {
      const claimed = await store.claim(tenantId, deploymentId, leaseSeconds);
      if (!claimed) return;
      const lease = new Lease(store, tenantId, deploymentId, claimed.lease);
      const outcome = await this.tell(tenantId, claimed, lease);
      if (!(await lease.save(outcome))) return write(false, 'Another worker tells it by now.');
      write(outcome.error === null, outcome.error ?? claimed.phase);
    } catch (error) {
      write(false, describeError(error));
    }
  }

  private async tell(tenantId: string, claimed: ClaimedReport, lease: Lease): Promise<ReportOutcome> {
    const { repository, report, phase } = claimed;
    const round: Round = {
      ...{ checkRunId: report.checkRunId, githubDeploymentId: report.githubDeploymentId },
      ...{ told: { ...report.told, phase }, isBusy: false, errors: [] },
    };
    if (!repository.isConnected) {
      return { ...settled(round), error: 'The repository is not connected to this platform any more.' };
    }
    const settings = RepositorySettings.safeParse(repository.settings).data ?? RepositorySettings.parse({});
    const decision = decideReport(claimed, settings.feedback, this.parts.addresses);
    const isSilent = decision.check === null && decision.deployment === null && !decision.hasComment;
    if (!isSilent) await this.tellAll(tenantId, claimed, decision, { round, lease });
    return this.outcomeOf(claimed, decision, round);
  }

  /** Each channel on its own: one that GitHub refuses does not silence the others. */
  private async tellAll(
    tenantId: string,
    claimed: ClaimedReport,
    decision: ReportDecision,
    { round, lease }: Readonly<{ round: Round; lease: Lease }>,
  ): Promise<void> {
    const { check, deployment, hasComment } = decision;
    await this.attempt(round, async () => {
      const access = await this.open(claimed, lease);
      if (check) {
        await this.attempt(round, async () => {
          round.checkRunId = await tellCheck(access, claimed, check);
          round.told.check = check.told;
        });
      }
      if (deployment) {
        await this.attempt(round, async () => {
          round.githubDeploymentId = await tellDeployment(access, claimed, deployment);
          round.told.deployment = deployment.told;
        });
      }
      if (hasComment) await this.attempt(round, () => this.comment(tenantId, claimed, access, { round, lease }));
    });
  }

  private async open({ repository }: ClaimedReport, lease: Lease): Promise<RepositoryAccess> {
    const app = await appOf(this.parts.github).catch((cause: unknown) => {
      throw new GithubError('refused', describeError(cause), {}, { cause });
    });
    const client = app.repository(repository.installationId, repository.githubId);
    client.hook.before('request', () => lease.renew());
    return { client, appId: app.appId };
  }

  private async comment(
    tenantId: string,
    claimed: ClaimedReport,
    access: RepositoryAccess,
    { round, lease }: Readonly<{ round: Round; lease: Lease }>,
  ): Promise<void> {
    const { store, addresses } = this.parts;
    const { environment, repository } = claimed;
    const { pullRequest } = environment;
    if (pullRequest === null) return;
    const key = { repositoryId: repository.id, environmentId: environment.id, pullRequest };
    const comment = await store.claimComment(tenantId, key, leaseSeconds);
    if (!comment) {
      round.isBusy = true;
      return;
    }
    let remembered: Remembered = comment;
    lease.holdComment(key, comment.lease);
    try {
      remembered = await tellComment(access, claimed, comment, addresses);
    } catch (error) {
      if (!lease.hasLostComment) throw error;
    } finally {
      if (!(await lease.saveComment(remembered))) round.isBusy = true;
    }
  }

  /** Keeps GitHub's failures for the outcome. */
  private async attempt(round: Round, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isGithub(error, 'gone', 'refused', 'invalid', 'limited', 'unreachable')) throw error;
      round.errors.push(error);
    }
  }

  private outcomeOf({ report }: ClaimedReport, decision: ReportDecision, round: Round): ReportOutcome {
    const now = this.parts.clock.now();
    const [error] = round.errors;
    if (!error) {
      const isSettled = decision.isFinal && !round.isBusy;
      return { ...settled(round), isSettled, nextTrySeconds: round.isBusy ? busySeconds : restSeconds };
    }
    const message = [...new Set(round.errors.map((each) => each.message))].join(' ').slice(0, 2_000);
    const until = Math.max(0, ...round.errors.map(({ details }) => details.retryAtMs ?? 0));
    if (until > 0) {
      const nextTrySeconds = Math.max(1, (until - now) / 1000);
      return { ...settled(round), isSettled: false, nextTrySeconds, failure: 'kept', error: message };
    }
    if (report.failingSinceMs !== null && now - report.failingSinceMs > patienceMs) {
      const words = `It failed for a day and is not tried again until there is news. ${message}`;
      return { ...settled(round), failure: 'counted', error: words };
    }
    const nextTrySeconds = Math.min(longestPauseSeconds, firstPauseSeconds * 2 ** Math.min(report.failures, 20));
    return { ...settled(round), isSettled: false, nextTrySeconds, failure: 'counted', error: message };
  }

  private async enter(): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}

function settled({ checkRunId, githubDeploymentId, told }: Round): ReportOutcome {
  return { checkRunId, githubDeploymentId, told, isSettled: true, nextTrySeconds: 0, failure: 'none', error: null };
}

/** What is known of a comment. */
type Remembered = Pick<ClaimedComment, 'commentId' | 'told'>;

/** The right to tell of one deployment and, for a while, to edit the comment that it shares with others. */
class Lease {
  private comment: { key: CommentKey; proof: string } | null = null;
  /** Whoever took the comment over shows it; the rest is still ours to tell. */
  hasLostComment = false;

  constructor(
    private readonly store: GithubReportStore,
    private readonly tenantId: string,
    private readonly deploymentId: string,
    private proof: string,
  ) {}

  /** @throws when another worker has it, or the comment, by now: whatever is told must not be told by both. */
  async renew(): Promise<void> {
    const { store, tenantId, deploymentId, comment } = this;
    this.proof = ours(await store.renew(tenantId, deploymentId, this.proof, leaseSeconds));
    if (!comment) return;
    const proof = await store.renewComment(tenantId, comment.key, comment.proof, leaseSeconds);
    this.hasLostComment = proof === null;
    comment.proof = ours(proof);
  }

  save(outcome: ReportOutcome): Promise<boolean> {
    return this.store.save(this.tenantId, this.deploymentId, this.proof, outcome);
  }

  holdComment(key: CommentKey, proof: string): void {
    this.comment = { key, proof };
  }

  /** Lets go of the comment. False when another worker has it by now, which tells the rest. */
  async saveComment(remembered: Remembered): Promise<boolean> {
    const { store, tenantId, comment } = this;
    this.comment = null;
    return comment !== null && (await store.saveComment(tenantId, comment.key, comment.proof, remembered));
  }
}

function ours(proof: string | null): string {
  if (proof === null) throw new Error('The report was taken over by another worker; it tells the rest.');
  return proof;
}
