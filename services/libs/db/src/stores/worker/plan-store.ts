import type { DeploymentStatus, TrustLevel } from '@wherry/domain';
import type { Database, Tx } from '../../database';
import { lockDeploymentKey } from './deployment-key';
import { insertDeployment, isReopened, readPlanState, saveRef, supersede } from './plan-rows';
import { openPreview, type WantedPreview } from './preview-rows';
import { cancelLeft, emptyTree, releaseNothing } from './left-roots';
import { insertReadToken, type NewToken } from './read-token';

/**
 * Why a commit was skipped: nobody has let its author's code run, a check of others failed, the title of its pull request
 * asks for it, or there is nothing to deploy.
 */
export type SkipCause = 'outsider' | 'checks' | 'title' | 'nothing there';

export type PlanKey = Readonly<{ repositoryId: string; rootDir: string; ref: string }>;

/** Where GitHub has a repository. */
export type GithubPlace = Readonly<{ installationId: number; repositoryId: number; fullName: string }>;

/** What a plan needs to ask the source for the head. */
export type PlanSubject = Readonly<{
  tenantSlug: string;
  repositoryName: string;
  /** Null for a repository on the built-in remote. */
  github: GithubPlace | null;
  /** The column as it is: `RepositorySettings` of the contract, with its defaults left out. */
  settings: unknown;
  productionBranch: string | null;
  productionEnvironmentId: string;
  /** The preview of the ref, if there ever was one. */
  previewEnvironmentId: string | null;
  /** Of each root directory, the newest deployment of the ref when the head was not asked for yet. */
  newest: readonly Readonly<{
    rootDir: string;
    id: string;
    status: DeploymentStatus;
    commitSha: string;
    /** The empty tree when its folder was taken out of the settings. */
    treeSha: string;
    trust: TrustLevel;
    /** Null also for what was not skipped. */
    skipCause: SkipCause | null;
    /** False when its preview was closed since. */
    isCurrent: boolean;
  }>[];
  /** What each root directory serves, by environment. */
  live: readonly Readonly<{ rootDir: string; environmentId: string; commitSha: string }>[];
  /** The head as the ledger has it, and since when, in epoch milliseconds. */
  ledger: Readonly<{ commitSha: string; sinceMs: number }> | null;
}>;

export type PlanState = Readonly<{
  /**
   * The newest deployment of (repository, root directory, ref), whatever became of it; null when its environment was
   * closed since.
   */
  newest: Readonly<{
    id: string;
    status: DeploymentStatus;
    commitSha: string;
    /** The empty tree when its folder was taken out of the settings. */
    treeSha: string;
    trust: TrustLevel;
    /** Null also for what was not skipped. */
    skipCause: SkipCause | null;
    createdAtMs: number;
  }> | null;
  /** What serves (repository, root directory) in the environment. */
  live: Readonly<{ commitSha: string; treeSha: string }> | null;
  /** Whether another deployment of (repository, root directory) may become live after this plan. */
  isReleasing: boolean;
}>;

export type PlanDecision =
  /** `isKept`: the head is remembered as one that is deployed, and looked at again until it has a deployment. */
  | Readonly<{ kind: 'nothing'; isKept?: boolean }>
  /** What was found out before is not so any more. */
  | Readonly<{ kind: 'again' }>
  | Readonly<{ kind: 'skip'; reason: string; supersedes: boolean; cause?: SkipCause }>
  | Readonly<{ kind: 'build' }>;

export type PlannedCommit = PlanKey &
  Readonly<{
    deploymentId: string;
    /** That of production, or the preview to be made or opened when something is built or skipped. */
    environment: Readonly<{ id: string }> | WantedPreview;
    commitSha: string;
    treeSha: string;
    message: string;
    author: string;
    trust: TrustLevel;
    /** The newest deployment in `PlanSubject`, which was read before the head was asked for. */
    newestId: string | null;
    /** The token the head was asked with; removed here. */
    tokenId: string;
    /** Whether the ref is put into the ledger here: GitHub's are, those of the built-in remote are its own. */
    isLedgered: boolean;
  }>;

export type PlanOutcome =
  /** Another plan came between: ask for the head again, or an older head could win. */
  | Readonly<{ kind: 'moved' }>
  | Readonly<{ kind: 'nothing'; deploymentId: string | null }>
  | Readonly<{ kind: 'skipped' | 'queued'; deploymentId: string; superseded: readonly string[] }>;

/** The rows of planning: one transaction before the head is asked for, one after. */
export class PlanStore {
  constructor(private readonly db: Database) {}

  /**
   * Reads what to ask the source, and adds the read token to ask the built-in remote with. Null when nothing of the
   * repository is deployed: it is not there, disconnected or archived, or its tenant is stopped.
   */
  async open(
    tenantId: string,
    key: Readonly<{ repositoryId: string; ref: string }>,
    token: NewToken,
  ): Promise<PlanSubject | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<SubjectRow[]>`
        select t.slug as "tenantSlug", r.name as "repositoryName", r.settings, r.production_branch as "productionBranch",
          r.installation_id::float8 as "installationId", r.github_id::float8 as "githubId", r.full_name as "fullName",
          e.id as "productionEnvironmentId", p.id as "previewEnvironmentId"
        from repositories r
        join tenants t on t.id = r.tenant_id and (r.source = 'builtin' or (t.suspended_at is null and t.deleted_at is null))
        join environments e on e.tenant_id = r.tenant_id and e.kind = 'production'
        left join environments p on p.tenant_id = r.tenant_id and p.kind = 'preview' and p.repository_id = r.id
          and ${key.ref} in ('refs/heads/' || p.branch, 'refs/pull/' || p.pull_request || '/head')
        where r.tenant_id = ${tenantId} and r.id = ${key.repositoryId} and r.disconnected_at is null and not r.is_archived`;
      if (!row) return null;
      const newest = await tx.$queryRaw<PlanSubject['newest'][number][]>`
        select distinct on (d.root_dir) d.root_dir as "rootDir", d.id, d.status, d.commit_sha as "commitSha", d.tree_sha as "treeSha", d.trust,
          d.skip_cause as "skipCause",
          e.closed_at is null and d.created_at >= coalesce(e.opened_at, d.created_at) as "isCurrent"
        from deployments d join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
        where d.tenant_id = ${tenantId} and d.repository_id = ${key.repositoryId} and d.ref = ${key.ref}
        order by d.root_dir, d.created_at desc`;
      const live = await tx.$queryRaw<PlanSubject['live'][number][]>`
        select root_dir as "rootDir", environment_id as "environmentId", commit_sha as "commitSha" from deployments
        where tenant_id = ${tenantId} and repository_id = ${key.repositoryId} and status = 'live'
          and tree_sha <> ${emptyTree}`;
      const [seen] = await tx.$queryRaw<{ commitSha: string; since: Date }[]>`
        select commit_sha as "commitSha", updated_at as since from repository_refs
        where tenant_id = ${tenantId} and repository_id = ${key.repositoryId} and ref = ${key.ref}`;
      await insertReadToken(tx, tenantId, key.repositoryId, 'plan', token);
      const ledger = seen ? { commitSha: seen.commitSha, sinceMs: seen.since.getTime() } : null;
      const { installationId, githubId, fullName, ...rest } = row;
      const isOnGithub = installationId !== null && githubId !== null && fullName !== null;
      const github = isOnGithub ? { installationId, repositoryId: githubId, fullName } : null;
      return { ...rest, github, newest, live, ledger };
    });
  }

  /**
   * Records what `decide` makes of the head: a deployment that is queued (`enqueue` runs in the same transaction) or
   * skipped, and what it supersedes. Plans of one key run one after the other.
   */
  async record(
    tenantId: string,
    commit: PlannedCommit,
    decide: (state: PlanState) => PlanDecision,
    enqueue: (tx: Tx) => Promise<void>,
  ): Promise<PlanOutcome> {
    return this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`delete from tokens where tenant_id = ${tenantId} and id = ${commit.tokenId}`;
      await lockDeploymentKey(tx, tenantId, commit);
      const state = await readPlanState(tx, tenantId, commit);
      if ((state.newest?.id ?? null) !== commit.newestId) return { kind: 'moved' };
      const decision = decide((await isReopened(tx, tenantId, commit, state)) ? { ...state, newest: null } : state);
      if (decision.kind === 'again') return { kind: 'moved' };
      const isKept = decision.kind !== 'nothing' || decision.isKept === true;
      if (commit.isLedgered && isKept) await saveRef(tx, tenantId, commit);
      if (decision.kind === 'nothing') return { kind: 'nothing', deploymentId: state.newest?.id ?? null };
      const { environment } = commit;
      const environmentId = 'id' in environment ? environment.id : (await openPreview(tx, tenantId, environment)).id;
      const superseded = decision.kind === 'build' || decision.supersedes ? await supersede(tx, tenantId, commit) : [];
      await insertDeployment(tx, tenantId, { ...commit, environmentId }, decision.kind === 'skip' ? decision : null);
      if (decision.kind === 'build') await enqueue(tx);
      return { kind: decision.kind === 'build' ? 'queued' : 'skipped', deploymentId: commit.deploymentId, superseded };
    });
  }

  /**
   * Takes away what is deployed of folders that are not among the repository's any more, in production and in previews:
   * what is on its way is cancelled, and what is live is followed by a release without functions, which the controller
   * moves the routes for. Doing it twice changes nothing more.
   * @param folders those that are still wanted. @returns the new deployments.
   */
  async removeOthers(
    tenantId: string,
    repositoryId: string,
    folders: readonly string[],
    newIds: () => Readonly<{ deploymentId: string; releaseId: string }>,
  ): Promise<string[]> {
    return this.db.tenant(tenantId, async (tx) => {
      await cancelLeft(tx, tenantId, repositoryId, folders);
      return releaseNothing(tx, tenantId, repositoryId, folders, newIds);
    });
  }

  /** Removes the token of a plan that records nothing. */
  async close(tenantId: string, tokenId: string): Promise<void> {
    await this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`delete from tokens where tenant_id = ${tenantId} and id = ${tokenId}`,
    );
  }
}

type SubjectRow = Omit<PlanSubject, 'github' | 'newest' | 'live' | 'ledger'> &
  Readonly<{ installationId: number | null; githubId: number | null; fullName: string | null }>;
