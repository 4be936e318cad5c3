import type { Database, Tx } from '../../database';

export type RouteOutcome =
  | Readonly<{ kind: 'routed'; version: bigint }>
  /** Someone else has finished the release meanwhile; nothing was changed. */
  | Readonly<{ kind: 'gone' }>
  /** The routes cannot be moved, for a reason that the developer is told; nothing was changed. */
  | Readonly<{ kind: 'refused' | 'closed'; reason: string }>;

/** How a pending release ends without being routed. */
export type ReleaseEnding = Readonly<{
  release: 'failed' | 'superseded';
  /** Status for the deployment if it is still releasing; null leaves it, as it is shared with another release. */
  deployment: 'failed' | 'superseded' | 'cancelled' | null;
  /** A sentence for the developer. */
  reason: string;
  /** The id of the deployment that took its place. */
  supersededBy?: string;
}>;

type ReleaseRow = Readonly<{ deploymentId: string; environmentId: string; repositoryId: string; rootDir: string }>;

/** Moves releases on. Every change is conditional on the release being pending, so each may be tried again. */
export class ReleaseStore {
  constructor(private readonly db: Database) {}

  /**
   * Makes a deployment the one that is routed: all its functions get routes to its revisions, functions that left the
   * stack lose theirs and are removed, and the release becomes `routed`, all with one new routing version or not at all.
   */
  async route(tenantId: string, releaseId: string): Promise<RouteOutcome> {
    return this.db.tenant(tenantId, async (tx) => {
      const closed = await lockEnvironment(tx, tenantId, releaseId);
      const release = await lockPending(tx, tenantId, releaseId);
      if (!release) return { kind: 'gone' };
      if (closed !== null) return { kind: 'closed', reason: closed };
      const reason = await nameConflict(tx, tenantId, release);
      if (reason !== null) return { kind: 'refused', reason };
      const version = await nextRoutingVersion(tx);
      await reviveFunctions(tx, tenantId, release);
      await upsertRoutes(tx, tenantId, release, version);
      await removeLeftFunctions(tx, tenantId, release);
      await tx.$executeRaw`
        update releases set status = 'routed', routed_version = ${version}
        where tenant_id = ${tenantId} and id = ${releaseId}`;
      await supersedeRouted(tx, tenantId, releaseId, release);
      return { kind: 'routed', version };
    });
  }

  /** Ends a pending release. Returns whether it was still pending. */
  async finish(tenantId: string, releaseId: string, ending: ReleaseEnding): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const changed = await tx.$queryRaw<{ deploymentId: string }[]>`
        update releases set status = ${ending.release}, reason = ${ending.reason}, finished_at = now()
        where tenant_id = ${tenantId} and id = ${releaseId} and status = 'pending'
        returning deployment_id as "deploymentId"`;
      const [release] = changed;
      if (!release) return false;
      if (ending.deployment !== null) {
        await tx.$executeRaw`
          update deployments set status = ${ending.deployment}, reason = ${ending.reason},
            superseded_by = ${ending.supersededBy ?? null}, finished_at = now()
          where tenant_id = ${tenantId} and id = ${release.deploymentId} and status = 'releasing'`;
      }
      return true;
    });
  }
}

/** Keeps the environment from being closed until the routes have moved. Returns why nothing may be routed in it, or null. */
async function lockEnvironment(tx: Tx, tenantId: string, releaseId: string): Promise<string | null> {
  const [row] = await tx.$queryRaw<{ isClosed: boolean; reason: string | null }[]>`
    select closed_at is not null as "isClosed", closed_reason as reason from environments
    where tenant_id = ${tenantId}
      and id = (select environment_id from releases where tenant_id = ${tenantId} and id = ${releaseId})
    for share`;
  return row?.isClosed ? closedText(row.reason) : null;
}

/** A sentence for developers. `reason` is one too, or null. */
export function closedText(reason: string | null): string {
  return reason === null ? 'The preview was closed.' : `The preview was closed: ${reason}`;
}

async function lockPending(tx: Tx, tenantId: string, releaseId: string): Promise<ReleaseRow | undefined> {
  const rows = await tx.$queryRaw<ReleaseRow[]>`
    select r.deployment_id as "deploymentId", r.environment_id as "environmentId",
      r.repository_id as "repositoryId", r.root_dir as "rootDir"
    from releases r join deployments d on d.tenant_id = r.tenant_id and d.id = r.deployment_id
    where r.tenant_id = ${tenantId} and r.id = ${releaseId} and r.status = 'pending'
      and d.status in ('releasing', 'live', 'retired')
    for update`;
  return rows[0];
}

/** A rollback may bring back a name that another repository has claimed since. */
async function nameConflict(tx: Tx, tenantId: string, release: ReleaseRow): Promise<string | null> {
  const rows = await tx.$queryRaw<{ name: string }[]>`
    select f.name from deployment_functions p
    join revisions v on v.tenant_id = p.tenant_id and v.id = p.revision_id
    join functions f on f.tenant_id = v.tenant_id and f.id = v.function_id
    join functions other on other.tenant_id = f.tenant_id and other.environment_id = f.environment_id
      and other.name = f.name and other.id <> f.id and other.removed_at is null
    where p.tenant_id = ${tenantId} and p.deployment_id = ${release.deploymentId}
    order by f.name limit 1`;
  const [taken] = rows;
  return taken ? `The function name "${taken.name}" now belongs to another function. Remove that one first.` : null;
}

/** The row's lock is held until the commit, which makes versions equal to commit order. */
export async function nextRoutingVersion(tx: Tx): Promise<bigint> {
  const [row] = await tx.$queryRaw<{ version: bigint }[]>`
    update routing_version set version = version + 1 returning version`;
  if (!row)
    throw new Error('The table routing_version has lost its row; restore it with the version of the newest route.');
  return row.version;
}

async function reviveFunctions(tx: Tx, tenantId: string, release: ReleaseRow): Promise<void> {
  await tx.$executeRaw`
    update functions f set removed_at = null
    from deployment_functions p join revisions v on v.tenant_id = p.tenant_id and v.id = p.revision_id
    where p.tenant_id = ${tenantId} and p.deployment_id = ${release.deploymentId}
      and f.tenant_id = v.tenant_id and f.id = v.function_id and f.removed_at is not null`;
}

async function upsertRoutes(tx: Tx, tenantId: string, release: ReleaseRow, version: bigint): Promise<void> {
  await tx.$executeRaw`
    insert into routes (tenant_id, function_id, environment_id, revision_id, deployment_id, version)
    select v.tenant_id, v.function_id, ${release.environmentId}, v.id, p.deployment_id, ${version}
    from deployment_functions p join revisions v on v.tenant_id = p.tenant_id and v.id = p.revision_id
    where p.tenant_id = ${tenantId} and p.deployment_id = ${release.deploymentId}
    on conflict (tenant_id, function_id) do update set environment_id = excluded.environment_id,
      revision_id = excluded.revision_id, deployment_id = excluded.deployment_id, version = excluded.version`;
}

async function removeLeftFunctions(tx: Tx, tenantId: string, release: ReleaseRow): Promise<void> {
  const left = await tx.$queryRaw<{ id: string }[]>`
    update functions f set removed_at = coalesce(f.removed_at, now())
    where f.tenant_id = ${tenantId} and f.environment_id = ${release.environmentId}
      and f.repository_id = ${release.repositoryId} and f.root_dir = ${release.rootDir}
      and (f.removed_at is null or exists (select from routes r where r.tenant_id = f.tenant_id and r.function_id = f.id))
      and not exists (
        select from deployment_functions p join revisions v on v.tenant_id = p.tenant_id and v.id = p.revision_id
        where p.tenant_id = f.tenant_id and p.deployment_id = ${release.deploymentId} and v.function_id = f.id)
    returning f.id`;
  const ids = left.map(({ id }) => id);
  await tx.$executeRaw`delete from routes where tenant_id = ${tenantId} and function_id = any(${ids})`;
}

/** A routed release that was not proven live yet can never be proven now: its routes have just been moved on. */
async function supersedeRouted(tx: Tx, tenantId: string, releaseId: string, release: ReleaseRow): Promise<void> {
  const reason = `Superseded by ${release.deploymentId} before it was seen live.`;
  await tx.$executeRaw`
    with older as (
      update releases set status = 'superseded', reason = ${reason}, finished_at = now()
      where tenant_id = ${tenantId} and environment_id = ${release.environmentId} and status = 'routed'
        and repository_id = ${release.repositoryId} and root_dir = ${release.rootDir} and id <> ${releaseId}
      returning deployment_id
    )
    update deployments set status = 'superseded', reason = ${reason}, superseded_by = ${release.deploymentId},
      finished_at = now()
    where tenant_id = ${tenantId} and id in (select deployment_id from older) and id <> ${release.deploymentId}
      and status = 'releasing'`;
}
