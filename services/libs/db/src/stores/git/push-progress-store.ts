import type { DeploymentStatus } from '@wherry/domain';
import type { Database, Tx } from '../../database';

/** The push whose deployment is looked for. `since` is the database's time before the ref moved. */
export type WatchedPush = Readonly<{
  repositoryId: string;
  ref: string;
  commitSha: string;
  since: Date;
}>;

export type SeenDeployment = Readonly<{
  id: string;
  commitSha: string;
  status: DeploymentStatus;
  reason: string | null;
  notes: unknown;
  createdAt: Date;
}>;

export type SeenFunction = Readonly<{
  name: string;
  status: 'queued' | 'building' | 'built' | 'reused' | 'failed';
  reason: string | null;
  buildMs: number | null;
}>;

/** Lines of a build: [epoch ms, stream, function name or '', text]. */
export type SeenLogs = Readonly<{
  lines: readonly [number, string, string, string][];
  cursor: bigint;
  isMore: boolean;
}>;

export type PushProgress = Readonly<{
  /** Of the pushed commit, or null while there is none. */
  deployment: SeenDeployment | null;
  functions: readonly SeenFunction[];
  logs: SeenLogs;
  /** The commit that the ref has in the ledger now: another one when a newer push came. */
  currentSha: string | null;
}>;

type DeploymentRow = {
  id: string;
  commit_sha: string;
  status: DeploymentStatus;
  reason: string | null;
  notes: unknown;
  created_at: Date;
};
type FunctionRow = { name: string; status: SeenFunction['status']; reason: string | null; build_ms: number | null };
type LogRow = { id: bigint; lines: [number, string, string, string][] };

const chunksAtOnce = 50;

/** What is told in the terminal while a push is built and released. */
export class PushProgressStore {
  constructor(private readonly db: Database) {}

  /**
   * Reads how far the deployment of a push is, with the build's log lines after `cursor`.
   * The status is read before the lines, so a finished status comes with all lines written before it.
   */
  async read(tenantId: string, push: WatchedPush, cursor: bigint): Promise<PushProgress> {
    return this.db.tenant(tenantId, async (tx) => {
      const deployment = await findDeployment(tx, tenantId, push);
      if (deployment === null) {
        const currentSha = await currentShaOf(tx, tenantId, push);
        return { deployment, functions: [], logs: { lines: [], cursor, isMore: false }, currentSha };
      }
      const functions = await tx.$queryRaw<FunctionRow[]>`
        select name, status, reason, build_ms from deployment_functions
        where tenant_id = ${tenantId} and deployment_id = ${deployment.id} order by name`;
      const chunks = await tx.$queryRaw<LogRow[]>`
        select id, lines from log_chunks
        where tenant_id = ${tenantId} and deployment_id = ${deployment.id} and source = 'build' and id > ${cursor}
        order by id limit ${chunksAtOnce}`;
      return {
        deployment,
        functions: functions.map(({ build_ms, ...rest }) => ({ ...rest, buildMs: build_ms })),
        logs: {
          lines: chunks.flatMap(({ lines }) => lines),
          cursor: chunks.at(-1)?.id ?? cursor,
          isMore: chunks.length === chunksAtOnce,
        },
        currentSha: push.commitSha,
      };
    });
  }
}

/**
 * The newest deployment of the pushed commit. One from before the push counts only while it is the newest of its ref:
 * then the planner makes no second one.
 */
async function findDeployment(tx: Tx, tenantId: string, push: WatchedPush): Promise<SeenDeployment | null> {
  const rows = await tx.$queryRaw<DeploymentRow[]>`
    select id, commit_sha, status, reason, notes, created_at from deployments
    where tenant_id = ${tenantId} and repository_id = ${push.repositoryId} and ref = ${push.ref}
    order by created_at desc, id desc limit 20`;
  const row = rows.find(
    (candidate, index) =>
      candidate.commit_sha === push.commitSha &&
      (index === 0 || candidate.created_at.getTime() >= push.since.getTime()),
  );
  if (row === undefined) return null;
  const { id, commit_sha, status, reason, notes, created_at } = row;
  return { id, commitSha: commit_sha, status, reason, notes, createdAt: created_at };
}

async function currentShaOf(tx: Tx, tenantId: string, push: WatchedPush): Promise<string | null> {
  const rows = await tx.$queryRaw<{ commit_sha: string }[]>`
    select commit_sha from repository_refs
    where tenant_id = ${tenantId} and repository_id = ${push.repositoryId} and ref = ${push.ref}`;
  return rows[0]?.commit_sha ?? null;
}
