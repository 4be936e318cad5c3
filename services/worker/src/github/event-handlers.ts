import type {
  ConnectedRepository,
  GithubInstallationStore,
  GithubPullRequestStore,
  GithubRepositoryStore,
  OpenDelivery,
} from '@wherry/db';
import type { PlanJob } from '../plan/plan-head';
import type { Inspector, Source } from '../source/source';
import { appOf, type GithubConnection } from './github-connection';
import { CheckRun, CheckSuite, Delete, type Envelope, IssueComment, PullRequest, Push, Status } from './payloads';
import type { Listing, SyncInstallation } from './sync-installation';

/** What was done about a delivery, as a sentence, and whose it was. */
export type Handled = Readonly<{ outcome: string; tenantId?: string | null; repositoryId?: string | null }>;

/** There is nothing to do about a delivery; the message says why. */
export class IgnoredError extends Error {
  constructor(
    message: string,
    readonly whose: Partial<Pick<Handled, 'tenantId' | 'repositoryId'>> = {},
  ) {
    super(message);
    this.name = 'IgnoredError';
  }
}

export type EventHandlersParts = Readonly<{
  connection: GithubConnection;
  repositories: GithubRepositoryStore;
  installations: GithubInstallationStore;
  pulls: GithubPullRequestStore;
  sync: Pick<SyncInstallation, 'execute'>;
  source: Source;
  inspector: Inspector;
  plan: (job: PlanJob) => Promise<unknown>;
  /** Compares the heads of an installation's repositories; goes on by itself. */
  compareHeads: (tenantId: string, listed: readonly Listing[]) => void;
  refreshMembers: (tenantId: string) => Promise<number>;
}>;

type Given = Readonly<{ delivery: OpenDelivery; envelope: Envelope; payload: unknown }>;
type Handler = (given: Given) => Promise<Handled>;

/** `/deploy <sha>` on a line of its own. Only a whole sha names exactly one commit: shorter ones can be made to collide. */
const deployCommand = /^\/deploy[ \t]+([0-9a-fA-F]{7,64})[ \t]*$/m;

/** What each event makes this platform look at. An event without a handler is stored and ignored. */
export class EventHandlers {
  private readonly handlers: Readonly<Record<string, Handler>> = {
    push: (given) => this.ref(given, Push.parse(given.payload).ref),
    delete: (given) => {
      const { ref, ref_type } = Delete.parse(given.payload);
      return this.ref(given, ref_type === 'branch' ? `refs/heads/${ref}` : `refs/tags/${ref}`);
    },
    pull_request: (given) => this.pullRequest(given),
    installation: (given) => this.installation(given),
    installation_repositories: (given) => this.installation(given),
    installation_target: (given) => this.installation(given),
    repository: (given) => this.installation(given),
    public: (given) => this.installation(given),
    check_run: (given) => this.checkRun(given),
    check_suite: (given) => this.checkSuite(given),
    status: (given) => this.status(given),
    issue_comment: (given) => this.comment(given),
    organization: (given) => this.members(given),
    membership: (given) => this.members(given),
    team: (given) => this.members(given),
    member: (given) => this.member(given),
  };

  constructor(private readonly parts: EventHandlersParts) {}

  /** @throws IgnoredError, ZodError for a payload that is not of the event, or what keeps it from being handled now. */
  async handle(delivery: OpenDelivery, envelope: Envelope, payload: unknown): Promise<Handled> {
    const handler = Object.hasOwn(this.handlers, delivery.event) ? this.handlers[delivery.event] : undefined;
    if (!handler) throw new IgnoredError('Nothing follows from this event.');
    return handler({ delivery, envelope, payload });
  }

  private async ref(given: Given, ref: string): Promise<Handled> {
    const repository = await this.repositoryOf(given);
    if (!ref.startsWith('refs/heads/')) {
      throw new IgnoredError('Only branches and pull requests are deployed.', idsOf(repository));
    }
    return this.plan(repository, [ref]);
  }

  private async pullRequest(given: Given): Promise<Handled> {
    const { number } = PullRequest.parse(given.payload);
    const repository = await this.repositoryOf(given);
    const telling = ['opened', 'synchronize', 'reopened', 'closed', 'ready_for_review', 'converted_to_draft', 'edited'];
    if (!telling.includes(given.envelope.action ?? '')) {
      throw new IgnoredError('It changes nothing of what is deployed.', idsOf(repository));
    }
    return this.plan(repository, [`refs/pull/${number}/head`]);
  }

  private async installation({ envelope }: Given): Promise<Handled> {
    const id = envelope.installation?.id;
    if (id === undefined) throw new IgnoredError('It names no installation.');
    const { tenantId, sentence, repositories } = await this.parts.sync.execute(id);
    if (tenantId !== null && repositories.length > 0) this.parts.compareHeads(tenantId, repositories);
    return { outcome: sentence, tenantId };
  }

  private async checkRun(given: Given): Promise<Handled> {
    const { check_run: run } = CheckRun.parse(given.payload);
    const repository = await this.repositoryOf(given);
    const app = await appOf(this.parts.connection);
    if (given.envelope.action !== 'rerequested' || run.app?.id !== app.appId) {
      throw new IgnoredError('Only a wish to run our own check again is followed.', idsOf(repository));
    }
    const { tenantId, repositoryId } = repository;
    const named = run.external_id ? await this.parts.repositories.refsOf(tenantId, repositoryId, run.external_id) : [];
    const refs = named.length > 0 ? named : await this.parts.repositories.refsOf(tenantId, repositoryId, run.head_sha);
    return this.plan(repository, refs, given.delivery.receivedAtMs);
  }

  private async checkSuite(given: Given): Promise<Handled> {
    const { check_suite: suite } = CheckSuite.parse(given.payload);
    const repository = await this.repositoryOf(given);
    const app = await appOf(this.parts.connection);
    const isOurs = suite.app?.id === app.appId;
    const isAgain = given.envelope.action === 'rerequested' && isOurs;
    if (!isAgain && (given.envelope.action !== 'completed' || isOurs)) {
      throw new IgnoredError('It neither ends the checks of others nor asks for ours again.', idsOf(repository));
    }
    const refs = await this.parts.repositories.refsOf(repository.tenantId, repository.repositoryId, suite.head_sha);
    return this.plan(repository, refs, isAgain ? given.delivery.receivedAtMs : undefined);
  }

  private async status(given: Given): Promise<Handled> {
    const { sha } = Status.parse(given.payload);
    const repository = await this.repositoryOf(given);
    return this.plan(
      repository,
      await this.parts.repositories.refsOf(repository.tenantId, repository.repositoryId, sha),
    );
  }

  private async comment(given: Given): Promise<Handled> {
    const { issue, comment } = IssueComment.parse(given.payload);
    if (given.envelope.action !== 'created' || !issue.pull_request || !deployCommand.test(comment.body ?? '')) {
      throw new IgnoredError('It is no new comment "/deploy <sha>" on a pull request.');
    }
    return this.grant(await this.repositoryOf(given), given, issue.number, comment.id);
  }

  /**
   * A maintainer lets exactly this commit run. Who said so, and which commit, is asked for: a payload alone lets nothing
   * run, nor does a comment that was taken back. The comment's event carries no head; that is asked for as well.
   */
  private async grant(
    repository: ConnectedRepository,
    { delivery }: Given,
    number: number,
    commentId: number,
  ): Promise<Handled> {
    const { pulls, inspector, source } = this.parts;
    const { tenantId, repositoryId } = repository;
    const whose = idsOf(repository);
    const place = placeOf(repository);
    const comment = await inspector.comment(place, commentId);
    const sha = deployCommand.exec(comment?.body ?? '')?.[1]?.toLowerCase();
    if (comment?.issueNumber !== number || sha === undefined) {
      throw new IgnoredError('The comment is not there any more as it was written.', whose);
    }
    if (sha.length !== 40) throw new IgnoredError('"/deploy" needs the whole sha, all 40 digits of it.', whose);
    const by = comment.author;
    if (await inspector.isOutsider(place, by)) {
      throw new IgnoredError(`${by.login} may not write to the repository, so nothing is let run.`, whose);
    }
    const ref = `refs/pull/${number}/head`;
    const head = await source.head({ tenantSlug: '', name: '', github: place }, ref, '');
    if (!head?.pull || head.commitSha !== sha) {
      throw new IgnoredError(`${sha.slice(0, 7)} is not the head of an open pull request #${number}.`, whose);
    }
    await pulls.seen(tenantId, repositoryId, { ...head.pull, headSha: sha });
    const actor = { kind: 'github', id: String(by.id), name: by.login, requestId: null } as const;
    const isGranted = await pulls.grant(tenantId, repositoryId, { number, commitSha: sha, by: actor });
    if (!isGranted) throw new IgnoredError('Something was pushed meanwhile: look at it, and comment again.', whose);
    await this.parts.plan({ tenantId, repositoryId, ref, forcedAt: delivery.receivedAtMs });
    return { outcome: `${by.login} lets ${sha.slice(0, 7)} run.`, ...whose };
  }

  private async members({ envelope }: Given): Promise<Handled> {
    const id = envelope.installation?.id;
    const tenantId = id === undefined ? null : await this.parts.installations.tenantOfInstallation(id);
    if (tenantId === null || id === undefined) throw new IgnoredError('It is of no installation that is known.');
    // An organisation that was renamed has to be asked for by its new name.
    if (envelope.action === 'renamed') await this.parts.sync.execute(id);
    const changed = await this.parts.refreshMembers(tenantId);
    return { outcome: `The members were compared; ${changed} changed.`, tenantId };
  }

  /** Whoever may write to a repository now may have opened a pull request when that was not so. */
  private async member(given: Given): Promise<Handled> {
    const handled = await this.members(given);
    const { repository, installation } = given.envelope;
    const found = repository ? await this.parts.repositories.findConnected(repository.id) : null;
    if (found === null || found.installationId !== installation?.id) return handled;
    const refs = await this.parts.repositories.refs(found.tenantId, found.repositoryId);
    const open = refs.filter(({ mayPass }) => mayPass).map(({ ref }) => ref);
    if (open.length > 0) await this.plan(found, open);
    return handled;
  }

  private async plan(repository: ConnectedRepository, refs: readonly string[], forcedAt?: number): Promise<Handled> {
    const { tenantId, repositoryId } = repository;
    if (refs.length === 0) throw new IgnoredError('Nothing is known of this commit.', idsOf(repository));
    const failures: unknown[] = [];
    for (const ref of refs) {
      const job = { tenantId, repositoryId, ref, ...(forcedAt && { forcedAt }) };
      // One that is refused does not keep the others from being planned.
      await this.parts.plan(job).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
    return { outcome: `Looked at ${refs.join(', ').slice(0, 400)}.`, ...idsOf(repository) };
  }

  /**
   * The repository that a payload names, if GitHub lists it in the installation that the payload names. What is not known
   * is asked for: the event that connects it may still be on its way.
   */
  private async repositoryOf({ envelope }: Given): Promise<ConnectedRepository> {
    const { repository, installation } = envelope;
    if (!repository || !installation) throw new IgnoredError('It names no repository in an installation.');
    const isIn = (found: ConnectedRepository | null) => found?.installationId === installation.id;
    const known = await this.parts.repositories.findConnected(repository.id);
    if (known && isIn(known)) return known;
    await this.parts.sync.execute(installation.id);
    const found = await this.parts.repositories.findConnected(repository.id);
    if (found && isIn(found)) return found;
    throw new IgnoredError('GitHub does not list this repository in this installation.');
  }
}

function idsOf({ tenantId, repositoryId }: ConnectedRepository) {
  return { tenantId, repositoryId };
}

function placeOf({ installationId, githubId, fullName }: ConnectedRepository) {
  return { installationId, repositoryId: githubId, fullName };
}
