import type { DeploymentStatus } from '@wherry/domain';
import { writeAudit, type Actor } from '../../audit';
import type { Database, Tx } from '../../database';
import { Prisma } from '../../generated/client';

export type DeploymentRow = Readonly<{
  id: string;
  environmentId: string;
  repositoryId: string;
  repository: string;
  rootDir: string;
  environment: string;
  /** The host label of a preview; null for production. */
  environmentLabel: string | null;
  /** Whether it is of a preview that was closed. */
  isClosed: boolean;
  ref: string;
  commitSha: string;
  commitMessage: string;
  author: string;
  status: DeploymentStatus;
  reason: string | null;
  supersededBy: string | null;
  isPinned: boolean;
  isCancelRequested: boolean;
  notes: unknown;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}>;
export type DeploymentFunctionRow = Readonly<{
  name: string;
  status: 'queued' | 'building' | 'built' | 'reused' | 'failed';
  reason: string | null;
  revisionId: string | null;
  revisionNumber: number | null;
  buildMs: number | null;
}>;
export type ReleaseRow = Readonly<{
  id: string;
  deploymentId: string;
  kind: 'deploy' | 'rollback' | 'promote';
  status: 'pending' | 'routed' | 'live' | 'failed' | 'superseded';
  reason: string | null;
  requestedBy: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}>;
export type DeploymentDetailRow = DeploymentRow &
  Readonly<{ functions: readonly DeploymentFunctionRow[]; releases: readonly ReleaseRow[] }>;

const deployments = Prisma.sql`
  select d.id, d.environment_id as "environmentId", d.repository_id as "repositoryId", r.name as repository,
         d.root_dir as "rootDir", e.name as environment, e.label as "environmentLabel",
         e.closed_at is not null as "isClosed", d.ref, d.commit_sha as "commitSha",
         d.commit_message as "commitMessage", d.author, d.status, d.reason, d.superseded_by as "supersededBy",
         exists (select from pins p where p.tenant_id = d.tenant_id and p.deployment_id = d.id) as "isPinned",
         d.cancel_requested_at is not null as "isCancelRequested", d.notes,
         d.created_at as "createdAt", d.started_at as "startedAt", d.finished_at as "finishedAt"
  from deployments d
  join repositories r on r.tenant_id = d.tenant_id and r.id = d.repository_id
  join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id`;

const releases = Prisma.sql`
  select l.id, l.deployment_id as "deploymentId", l.kind, l.status, l.reason, u.name as "requestedBy",
         l.created_at as "createdAt", l.finished_at as "finishedAt"
  from releases l left join users u on u.id = l.requested_by`;

/** Deployments with what they built and how they were released. */
export class ConsoleDeploymentStore {
  constructor(private readonly db: Database) {}

  /** Newest first, those older than the deployment `before`. */
  async list(
    tenantId: string,
    query: { repository?: string; environment?: string; status?: DeploymentStatus; before?: string; limit: number },
  ): Promise<readonly DeploymentRow[]> {
    const { repository = null, environment = null, status = null, before = null, limit } = query;
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<DeploymentRow[]>`
        ${deployments}
        where (${repository}::text is null or r.name = ${repository}::text)
          and (${environment}::text is null or e.name = ${environment}::text)
          and (${status}::text is null or d.status = ${status}::text)
          and (${before}::text is null or (d.created_at, d.id) <
               (select b.created_at, b.id from deployments b where b.id = ${before}::text))
        order by d.created_at desc, d.id desc limit ${limit}`,
    );
  }

  async find(tenantId: string, deploymentId: string): Promise<DeploymentDetailRow | null> {
    return this.db.tenant(tenantId, (tx) => findDeployment(tx, deploymentId));
  }

  /**
   * Asks for an unfinished deployment to be cancelled; asking again changes nothing.
   * @returns the deployment after that, whether or not it could be asked, or null when there is none.
   */
  async requestCancel(
    tenantId: string,
    actor: Actor,
    deploymentId: string,
    now: Date,
  ): Promise<DeploymentDetailRow | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const asked = await tx.$executeRaw`
        update deployments set cancel_requested_at = ${now}
        where id = ${deploymentId} and status in ('queued', 'building', 'releasing') and cancel_requested_at is null`;
      const entry = { action: 'deployment.cancel', target: `deployment/${deploymentId}` };
      if (asked > 0) await writeAudit(tx, tenantId, actor, entry);
      return findDeployment(tx, deploymentId);
    });
  }

  /**
   * Asks for a deployment to serve again and pins its stack to it, in one transaction. The deployment's row is locked,
   * so that of two requests at once the second finds the first one's release and answers that.
   * @param refuse throws when the deployment may not be rolled back to; nothing is written then.
   * @returns the release, or null when there is no such deployment.
   */
  async rollback(
    tenantId: string,
    actor: Actor,
    deploymentId: string,
    release: { id: string; userId: string | null; now: Date },
    refuse: (deployment: DeploymentDetailRow) => void,
  ): Promise<ReleaseRow | null> {
    return this.db.tenant(tenantId, async (tx) => {
      await tx.$queryRaw`select 1 from deployments where id = ${deploymentId} for update`;
      const found = await findDeployment(tx, deploymentId);
      if (found === null) return null;
      const open = found.releases.find(({ kind, status }) => kind === 'rollback' && isOpen(status));
      if (open) return open;
      refuse(found);
      await insertRollback(tx, tenantId, found, release);
      const entry = { action: 'deployment.rollback', target: `deployment/${deploymentId}` };
      await writeAudit(tx, tenantId, actor, entry);
      const [made] = await tx.$queryRaw<ReleaseRow[]>`${releases} where l.id = ${release.id}`;
      return made!;
    });
  }
}

function isOpen(status: ReleaseRow['status']): boolean {
  return status === 'pending' || status === 'routed';
}

async function findDeployment(tx: Tx, deploymentId: string): Promise<DeploymentDetailRow | null> {
  const [deployment] = await tx.$queryRaw<DeploymentRow[]>`${deployments} where d.id = ${deploymentId}`;
  if (deployment === undefined) return null;
  const functions = await tx.$queryRaw<DeploymentFunctionRow[]>`
    select f.name, f.status, f.reason, v.id as "revisionId", v.number as "revisionNumber", f.build_ms as "buildMs"
    from deployment_functions f
    left join revisions v on v.tenant_id = f.tenant_id and v.id = f.revision_id
    where f.deployment_id = ${deploymentId} order by f.name`;
  const made = await tx.$queryRaw<ReleaseRow[]>`
    ${releases} where l.deployment_id = ${deploymentId} order by l.created_at desc, l.id`;
  return { ...deployment, functions, releases: made };
}

async function insertRollback(
  tx: Tx,
  tenantId: string,
  deployment: DeploymentRow,
  release: { id: string; userId: string | null; now: Date },
): Promise<void> {
  const { id, environmentId, repositoryId, rootDir } = deployment;
  await tx.$executeRaw`
    insert into releases (tenant_id, id, deployment_id, environment_id, repository_id, root_dir, kind, status,
                          requested_by, created_at)
    values (${tenantId}, ${release.id}, ${id}, ${environmentId}, ${repositoryId}, ${rootDir}, 'rollback', 'pending',
            ${release.userId}, ${release.now})`;
  // A preview follows its pull request or branch: there is nothing to hold it back with.
  if (deployment.environmentLabel !== null) return;
  await tx.$executeRaw`
    insert into pins (tenant_id, environment_id, repository_id, root_dir, deployment_id, created_by, created_at)
    values (${tenantId}, ${environmentId}, ${repositoryId}, ${rootDir}, ${id}, ${release.userId}, ${release.now})
    on conflict (tenant_id, environment_id, repository_id, root_dir) do update
      set deployment_id = excluded.deployment_id, created_by = excluded.created_by, created_at = excluded.created_at`;
}
