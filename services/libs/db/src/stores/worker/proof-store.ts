import type { Database, Tx } from '../../database';

/** A routed release whose truth is to be proved. */
export type RoutedRelease = Readonly<{
  deploymentId: string;
  tenantSlug: string;
  /** The host label of a preview; null for production. */
  label: string | null;
  routedVersion: number;
  functions: readonly Readonly<{ name: string; revisionId: string }>[];
  /** The deployment whose release moved the same routes later: this one can never be proved. */
  replacedBy: string | null;
}>;

export type Acknowledgement = Readonly<{ liveGateways: number; behind: number }>;

/** How releases end: live with proof, failed with words, or superseded by a later one. */
export class ProofStore {
  constructor(private readonly db: Database) {}

  /** Null unless the release is routed. */
  async readRouted(tenantId: string, releaseId: string): Promise<RoutedRelease | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const [release] = await tx.$queryRaw<
        (Omit<RoutedRelease, 'functions' | 'routedVersion'> & { routedVersion: bigint })[]
      >`
        select l.deployment_id as "deploymentId", t.slug as "tenantSlug", e.label, l.routed_version as "routedVersion",
          (select o.deployment_id from releases o where o.tenant_id = l.tenant_id and o.environment_id = l.environment_id
             and o.repository_id = l.repository_id and o.root_dir = l.root_dir and o.routed_version > l.routed_version
             and o.status in ('routed', 'live') order by o.routed_version desc limit 1) as "replacedBy"
        from releases l join tenants t on t.id = l.tenant_id
        join environments e on e.tenant_id = l.tenant_id and e.id = l.environment_id
        where l.tenant_id = ${tenantId} and l.id = ${releaseId} and l.status = 'routed' and l.routed_version is not null`;
      if (!release) return null;
      const functions = await tx.$queryRaw<{ name: string; revisionId: string }[]>`
        select name, revision_id as "revisionId" from deployment_functions
        where tenant_id = ${tenantId} and deployment_id = ${release.deploymentId} and revision_id is not null order by name`;
      return { ...release, routedVersion: Number(release.routedVersion), functions };
    });
  }

  /** How many gateways are live (seen within 10 s), and how many of those do not serve `version` yet. */
  async acknowledgement(version: number): Promise<Acknowledgement> {
    return this.db.plain(async (tx) => {
      const [row] = await tx.$queryRaw<{ live: bigint; behind: bigint }[]>`
        select count(*) as live, count(*) filter (where acknowledged_version < ${version}::bigint) as behind
        from gateways where last_seen_at > now() - interval '10 seconds'`;
      return { liveGateways: Number(row?.live ?? 0), behind: Number(row?.behind ?? 0) };
    });
  }

  /** The proved release and its deployment become live, the former one retired. False when it was not routed any more. */
  async markLive(tenantId: string, releaseId: string): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const release = await end(tx, tenantId, releaseId, 'live', null);
      if (!release) return false;
      await tx.$executeRaw`
        update deployments set status = 'retired'
        where tenant_id = ${tenantId} and environment_id = ${release.environmentId} and status = 'live'
          and repository_id = ${release.repositoryId} and root_dir = ${release.rootDir} and id <> ${release.deploymentId}`;
      await tx.$executeRaw`
        update deployments set status = 'live', reason = null, finished_at = coalesce(finished_at, clock_timestamp())
        where tenant_id = ${tenantId} and id = ${release.deploymentId} and status in ('releasing', 'retired')`;
      await reviveFunctions(tx, tenantId, release.deploymentId);
      return true;
    });
  }

  /**
   * Ends a release that could not be proved; its deployment fails with it, unless it is an older one that was rolled
   * back to. When routes name the unproved deployment, the one that is still live gets a release (`restoreId`), so that
   * what serves and what is called live are the same again.
   */
  async markFailed(tenantId: string, releaseId: string, reason: string, restoreId: string): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const release = await end(tx, tenantId, releaseId, 'failed', reason);
      if (!release) return false;
      await tx.$executeRaw`
        update deployments set status = 'failed', reason = ${reason}, finished_at = clock_timestamp()
        where tenant_id = ${tenantId} and id = ${release.deploymentId} and status = 'releasing'`;
      await tx.$executeRaw`
        insert into releases (tenant_id, id, deployment_id, environment_id, repository_id, root_dir, kind, status, reason, created_at)
        select ${tenantId}, ${restoreId}, d.id, d.environment_id, d.repository_id, d.root_dir, 'rollback', 'pending',
          'Restores what was live before.', clock_timestamp()
        from deployments d
        where d.tenant_id = ${tenantId} and d.environment_id = ${release.environmentId} and d.status = 'live'
          and d.repository_id = ${release.repositoryId} and d.root_dir = ${release.rootDir} and d.id <> ${release.deploymentId}
          and exists (select from routes o where o.tenant_id = d.tenant_id and o.deployment_id = ${release.deploymentId})
          and not exists (select from releases p where p.tenant_id = d.tenant_id and p.environment_id = d.environment_id
            and p.repository_id = d.repository_id and p.root_dir = d.root_dir and p.status in ('pending', 'routed'))
        limit 1`;
      return true;
    });
  }

  /** Ends a routed release whose routes a later one moved. */
  async markSuperseded(tenantId: string, releaseId: string, by: string): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const release = await end(tx, tenantId, releaseId, 'superseded', 'A later release moved its routes.');
      if (!release) return false;
      await tx.$executeRaw`
        update deployments set status = 'superseded', superseded_by = ${by}, finished_at = clock_timestamp(),
          reason = 'Superseded: a later deployment was released before this one was proved.'
        where tenant_id = ${tenantId} and id = ${release.deploymentId} and status = 'releasing'`;
      return true;
    });
  }
}

type EndedRelease = Readonly<{ deploymentId: string; environmentId: string; repositoryId: string; rootDir: string }>;

async function end(
  tx: Tx,
  tenantId: string,
  releaseId: string,
  status: 'live' | 'failed' | 'superseded',
  reason: string | null,
): Promise<EndedRelease | null> {
  const [release] = await tx.$queryRaw<EndedRelease[]>`
    update releases set status = ${status}, reason = ${reason}, finished_at = clock_timestamp()
    where tenant_id = ${tenantId} and id = ${releaseId} and status = 'routed'
    returning deployment_id as "deploymentId", environment_id as "environmentId", repository_id as "repositoryId",
      root_dir as "rootDir"`;
  return release ?? null;
}

/**
 * A deployment between the build and the release of this one may have left a function out, and so removed it. It has a
 * route again, so it is not removed, unless its name has another owner by now.
 */
async function reviveFunctions(tx: Tx, tenantId: string, deploymentId: string): Promise<void> {
  await tx.$executeRaw`
    update functions f set removed_at = null
    where f.tenant_id = ${tenantId} and f.removed_at is not null
      and f.id in (select o.function_id from routes o where o.tenant_id = ${tenantId} and o.deployment_id = ${deploymentId})
      and not exists (select from functions g where g.tenant_id = f.tenant_id and g.environment_id = f.environment_id
        and g.name = f.name and g.removed_at is null)`;
}
