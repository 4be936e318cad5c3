import type { Database } from '../../database';

/** What a tenant needs of the image registry. */
export type ImagesInUse = Readonly<{
  /** A build runs or waits: it may be about to name an image that nothing names now. */
  isBuilding: boolean;
  /** `<function name>:<deployment id>` of all revisions. */
  built: readonly string[];
  /** Digests of the images of all revisions. */
  digests: readonly string[];
  /** Deployments that are not finished, or have been for less than the grace. */
  recentDeploymentIds: readonly string[];
}>;

/** Which images in the registry something still needs. */
export class ImageStore {
  constructor(private readonly db: Database) {}

  /** All tenants that ever were. @param graceHours one is gone so long after it was deleted. */
  async tenants(graceHours: number): Promise<readonly Readonly<{ tenantId: string; isGone: boolean }>[]> {
    return this.db.cross(
      'reconcile',
      (tx) => tx.$queryRaw<{ tenantId: string; isGone: boolean }[]>`
        select id as "tenantId",
          coalesce(deleted_at < now() - make_interval(hours => ${graceHours}::integer), false) as "isGone"
        from tenants order by id`,
    );
  }

  /** One moment of a tenant: a build that ends meanwhile is either running in it or has its revisions in it. */
  async inUse(tenantId: string, graceHours: number): Promise<ImagesInUse> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<ImagesInUse[]>`
        select
          exists (select from deployments where tenant_id = ${tenantId}
            and status in ('queued', 'building')) as "isBuilding",
          array(select f.name || ':' || v.deployment_id from revisions v
            join functions f on f.tenant_id = v.tenant_id and f.id = v.function_id
            where v.tenant_id = ${tenantId}) as built,
          array(select distinct artifact_digest from revisions where tenant_id = ${tenantId}) as digests,
          array(select id from deployments where tenant_id = ${tenantId} and (finished_at is null
            or finished_at > now() - make_interval(hours => ${graceHours}::integer))) as "recentDeploymentIds"`;
      if (!row) throw new Error('A query without a table gave no row.');
      return row;
    });
  }
}
