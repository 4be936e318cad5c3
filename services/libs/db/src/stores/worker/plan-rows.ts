import type { DeploymentStatus, TrustLevel } from '@wherry/domain';
import type { Tx } from '../../database';
import { emptyTree } from './left-roots';
import type { PlannedCommit, PlanState, SkipCause } from './plan-store';

/** The state of a key in its environment. A preview that was never made has none. */
export async function readPlanState(tx: Tx, tenantId: string, commit: PlannedCommit): Promise<PlanState> {
  const environmentId = await environmentIdOf(tx, tenantId, commit);
  const rows = await tx.$queryRaw<
    {
      id: string;
      status: DeploymentStatus;
      trust: TrustLevel;
      skipCause: SkipCause | null;
      commitSha: string;
      treeSha: string;
      createdAt: Date;
      isNewest: boolean;
      isHere: boolean;
    }[]
  >`
    select d.id, d.status, d.trust, d.skip_cause as "skipCause", d.commit_sha as "commitSha", d.tree_sha as "treeSha", d.created_at as "createdAt",
      coalesce(d.id = n.id, false) as "isNewest", coalesce(d.environment_id = ${environmentId}, false) as "isHere"
    from deployments d
    left join (select id from deployments where tenant_id = ${tenantId} and repository_id = ${commit.repositoryId}
        and root_dir = ${commit.rootDir} and ref = ${commit.ref} order by created_at desc limit 1) n on n.id = d.id
    where d.tenant_id = ${tenantId} and d.repository_id = ${commit.repositoryId} and d.root_dir = ${commit.rootDir}
      and (n.id is not null or (d.environment_id = ${environmentId} and d.status in ('releasing', 'live')))
    order by d.created_at desc`;
  const newest = rows.find((row) => row.isNewest);
  const live = rows.find((row) => row.status === 'live' && row.isHere && row.treeSha !== emptyTree);
  const isReleasing = rows.some((row) => row.status === 'releasing' && row.isHere);
  return {
    newest: newest
      ? {
          ...{ id: newest.id, status: newest.status, commitSha: newest.commitSha, trust: newest.trust },
          treeSha: newest.treeSha,
          skipCause: newest.skipCause,
          createdAtMs: newest.createdAt.getTime(),
        }
      : null,
    live: live ? { commitSha: live.commitSha, treeSha: live.treeSha } : null,
    isReleasing: isReleasing || (await hasUnfinishedRelease(tx, tenantId, commit, environmentId)),
  };
}

async function environmentIdOf(tx: Tx, tenantId: string, { environment }: PlannedCommit): Promise<string | null> {
  if ('id' in environment) return environment.id;
  const { repositoryId, pullRequest = null, branch = null } = environment;
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    select id from environments where tenant_id = ${tenantId} and repository_id = ${repositoryId} and kind = 'preview'
      and pull_request is not distinct from ${pullRequest} and branch is not distinct from ${branch}`;
  return row?.id ?? null;
}

/**
 * Whether what was deployed of the ref is gone, because its preview was closed since: then it is deployed anew. A
 * preview that ended with its lease keeps its ref in the ledger, and waits for the next commit.
 */
export async function isReopened(tx: Tx, tenantId: string, commit: PlannedCommit, state: PlanState): Promise<boolean> {
  if ('id' in commit.environment || state.newest === null) return false;
  const { repositoryId, pullRequest = null, branch = null } = commit.environment;
  const [row] = await tx.$queryRaw<{ isReopened: boolean }[]>`
    select (closed_at is null and opened_at > d.created_at)
      or (closed_at is not null and not exists (select from repository_refs where tenant_id = ${tenantId}
        and repository_id = ${repositoryId} and ref = ${commit.ref})) as "isReopened"
    from environments e join deployments d on d.tenant_id = e.tenant_id and d.id = ${state.newest.id}
    where e.tenant_id = ${tenantId} and e.repository_id = ${repositoryId} and e.kind = 'preview'
      and e.pull_request is not distinct from ${pullRequest} and e.branch is not distinct from ${branch}`;
  return row?.isReopened === true;
}

/** A rollback under way changes what is live without a deployment in `releasing`. */
async function hasUnfinishedRelease(
  tx: Tx,
  tenantId: string,
  commit: PlannedCommit,
  environmentId: string | null,
): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ found: boolean }[]>`
    select exists (select from releases where tenant_id = ${tenantId} and environment_id = ${environmentId}
      and repository_id = ${commit.repositoryId} and root_dir = ${commit.rootDir}
      and status in ('pending', 'routed')) as found`;
  return row?.found === true;
}

/** The head as it was seen: `updated_at` is when it was seen first. */
export async function saveRef(tx: Tx, tenantId: string, commit: PlannedCommit): Promise<void> {
  await tx.$executeRaw`
    insert into repository_refs as l (tenant_id, repository_id, ref, commit_sha)
    values (${tenantId}, ${commit.repositoryId}, ${commit.ref}, ${commit.commitSha})
    on conflict (tenant_id, repository_id, ref) do update set commit_sha = excluded.commit_sha, updated_at = now()
      where l.commit_sha <> excluded.commit_sha`;
}

export async function supersede(tx: Tx, tenantId: string, commit: PlannedCommit): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    update deployments set status = 'superseded', superseded_by = ${commit.deploymentId}, finished_at = clock_timestamp(),
      reason = ${`Superseded by ${commit.commitSha.slice(0, 7)}, which was pushed later.`}
    where tenant_id = ${tenantId} and repository_id = ${commit.repositoryId} and root_dir = ${commit.rootDir}
      and ref = ${commit.ref} and status in ('queued', 'building')
    returning id`;
  return rows.map((row) => row.id);
}

/** created_at is the clock's, not the transaction's: it must follow the order of the lock. */
export async function insertDeployment(
  tx: Tx,
  tenantId: string,
  commit: PlannedCommit & Readonly<{ environmentId: string }>,
  skipped: Readonly<{ reason: string; cause?: SkipCause }> | null,
): Promise<void> {
  await tx.$executeRaw`
    insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
      commit_message, author, trust, status, reason, skip_cause, created_at, finished_at)
    values (${tenantId}, ${commit.deploymentId}, ${commit.environmentId}, ${commit.repositoryId}, ${commit.rootDir},
      ${commit.ref}, ${commit.commitSha}, ${commit.treeSha}, ${commit.message}, ${commit.author}, ${commit.trust},
      ${skipped === null ? 'queued' : 'skipped'}, ${skipped?.reason ?? null}, ${skipped?.cause ?? null}, clock_timestamp(),
      case when ${skipped === null} then null else clock_timestamp() end)`;
}
