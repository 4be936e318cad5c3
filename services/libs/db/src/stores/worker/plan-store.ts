import type { DeploymentStatus } from '@wherry/domain';
import type { Database, Tx } from '../../database';
import { lockDeploymentKey } from './deployment-key';

/** A token's row to be made: the value itself is known to its holder only. */
export type NewToken = Readonly<{ id: string; hash: Uint8Array }>;

export type PlanKey = Readonly<{ repositoryId: string; rootDir: string; ref: string }>;

/** What a plan needs to ask the source for the head. */
export type PlanSubject = Readonly<{
  tenantSlug: string;
  repositoryName: string;
  environmentId: string;
  /** Whether the ref is that of the repository's production branch. */
  isProduction: boolean;
  /** The newest deployment of the key when the head was not asked for yet. */
  newestId: string | null;
}>;

export type PlanState = Readonly<{
  /** The newest deployment of (repository, root directory, ref), whatever became of it. */
  newest: Readonly<{ id: string; status: DeploymentStatus; commitSha: string; createdAtMs: number }> | null;
  /** What serves (repository, root directory) in the environment. */
  live: Readonly<{ commitSha: string; treeSha: string }> | null;
  /** Whether another deployment of (repository, root directory) may become live after this plan. */
  isReleasing: boolean;
}>;

export type PlanDecision =
  | Readonly<{ kind: 'nothing' }>
  | Readonly<{ kind: 'skip'; reason: string; supersedes: boolean }>
  | Readonly<{ kind: 'build' }>;

export type PlannedCommit = PlanKey &
  Readonly<{
    deploymentId: string;
    environmentId: string;
    commitSha: string;
    treeSha: string;
    message: string;
    author: string;
    /** `PlanSubject.newestId` of the reading that came before the head was asked for. */
    newestId: string | null;
    /** The token the head was asked with; removed here. */
    tokenId: string;
  }>;

export type PlanOutcome =
  /** Another plan came between: ask for the head again, or an older head could win. */
  | Readonly<{ kind: 'moved' }>
  | Readonly<{ kind: 'nothing'; deploymentId: string | null }>
  | Readonly<{ kind: 'skipped' | 'queued'; deploymentId: string; superseded: readonly string[] }>;

/** The rows of planning: one transaction before the head is asked for, one after. */
export class PlanStore {
  constructor(private readonly db: Database) {}

  /** Reads what to ask the source, and adds the read token to ask with. Null when the repository is not there. */
  async open(tenantId: string, key: PlanKey, token: NewToken): Promise<PlanSubject | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const [subject] = await tx.$queryRaw<PlanSubject[]>`
        select t.slug as "tenantSlug", r.name as "repositoryName", e.id as "environmentId",
          coalesce(${key.ref} in (r.production_branch, 'refs/heads/' || r.production_branch), false) as "isProduction",
          (select d.id from deployments d where d.tenant_id = r.tenant_id and d.repository_id = r.id
             and d.root_dir = ${key.rootDir} and d.ref = ${key.ref} order by d.created_at desc limit 1) as "newestId"
        from repositories r
        join tenants t on t.id = r.tenant_id
        join environments e on e.tenant_id = r.tenant_id and e.kind = 'production'
        where r.tenant_id = ${tenantId} and r.id = ${key.repositoryId}`;
      if (subject?.isProduction) await insertReadToken(tx, tenantId, key.repositoryId, 'plan', token);
      return subject ?? null;
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
      const state = await readState(tx, tenantId, commit);
      if ((state.newest?.id ?? null) !== commit.newestId) return { kind: 'moved' };
      const decision = decide(state);
      if (decision.kind === 'nothing') return { kind: 'nothing', deploymentId: state.newest?.id ?? null };
      const superseded = decision.kind === 'build' || decision.supersedes ? await supersede(tx, tenantId, commit) : [];
      const reason = decision.kind === 'skip' ? decision.reason : null;
      await insertDeployment(tx, tenantId, commit, reason);
      if (decision.kind === 'build') await enqueue(tx);
      return { kind: decision.kind === 'build' ? 'queued' : 'skipped', deploymentId: commit.deploymentId, superseded };
    });
  }
}

/** A token that reads one repository for half an hour; `purpose` is its name. */
export async function insertReadToken(
  tx: Tx,
  tenantId: string,
  repositoryId: string,
  purpose: string,
  token: NewToken,
): Promise<void> {
  await tx.$executeRaw`
    insert into tokens (tenant_id, id, name, token_hash, scopes, repository_id, expires_at)
    values (${tenantId}, ${token.id}, ${purpose}, ${token.hash}, array['git:read'], ${repositoryId},
      now() + interval '30 minutes')`;
}

async function readState(tx: Tx, tenantId: string, commit: PlannedCommit): Promise<PlanState> {
  const rows = await tx.$queryRaw<
    {
      id: string;
      status: DeploymentStatus;
      commitSha: string;
      treeSha: string;
      createdAt: Date;
      ref: string;
      isNewest: boolean;
    }[]
  >`
    select d.id, d.status, d.commit_sha as "commitSha", d.tree_sha as "treeSha", d.created_at as "createdAt", d.ref,
      coalesce(d.id = n.id, false) as "isNewest"
    from deployments d
    left join (select id from deployments where tenant_id = ${tenantId} and repository_id = ${commit.repositoryId}
        and root_dir = ${commit.rootDir} and ref = ${commit.ref} order by created_at desc limit 1) n on n.id = d.id
    where d.tenant_id = ${tenantId} and d.repository_id = ${commit.repositoryId} and d.root_dir = ${commit.rootDir}
      and (n.id is not null or (d.environment_id = ${commit.environmentId} and d.status in ('releasing', 'live')))
    order by d.created_at desc`;
  const newest = rows.find((row) => row.isNewest);
  const live = rows.find((row) => row.status === 'live');
  return {
    newest: newest
      ? { id: newest.id, status: newest.status, commitSha: newest.commitSha, createdAtMs: newest.createdAt.getTime() }
      : null,
    live: live ? { commitSha: live.commitSha, treeSha: live.treeSha } : null,
    isReleasing: rows.some((row) => row.status === 'releasing') || (await hasUnfinishedRelease(tx, tenantId, commit)),
  };
}

/** A rollback under way changes what is live without a deployment in `releasing`. */
async function hasUnfinishedRelease(tx: Tx, tenantId: string, commit: PlannedCommit): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ found: boolean }[]>`
    select exists (select from releases where tenant_id = ${tenantId} and environment_id = ${commit.environmentId}
      and repository_id = ${commit.repositoryId} and root_dir = ${commit.rootDir}
      and status in ('pending', 'routed')) as found`;
  return row?.found === true;
}

async function supersede(tx: Tx, tenantId: string, commit: PlannedCommit): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    update deployments set status = 'superseded', superseded_by = ${commit.deploymentId}, finished_at = clock_timestamp(),
      reason = ${`Superseded by ${commit.commitSha.slice(0, 7)}, which was pushed later.`}
    where tenant_id = ${tenantId} and repository_id = ${commit.repositoryId} and root_dir = ${commit.rootDir}
      and ref = ${commit.ref} and status in ('queued', 'building')
    returning id`;
  return rows.map((row) => row.id);
}

/** created_at is the clock's, not the transaction's: it must follow the order of the lock. */
async function insertDeployment(
  tx: Tx,
  tenantId: string,
  commit: PlannedCommit,
  skipped: string | null,
): Promise<void> {
  await tx.$executeRaw`
    insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
      commit_message, author, status, reason, created_at, finished_at)
    values (${tenantId}, ${commit.deploymentId}, ${commit.environmentId}, ${commit.repositoryId}, ${commit.rootDir},
      ${commit.ref}, ${commit.commitSha}, ${commit.treeSha}, ${commit.message}, ${commit.author},
      ${skipped === null ? 'queued' : 'skipped'}, ${skipped}, clock_timestamp(),
      case when ${skipped === null} then null else clock_timestamp() end)`;
}
