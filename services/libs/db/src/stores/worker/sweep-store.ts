import { platformActor, writePlatformAudit } from '../../audit';
import type { Database, Tx } from '../../database';

/** Work that a kill, a lost job or a lost notification may have left lying. */
export type PendingWork = Readonly<{
  /** Queued or building, and no worker other than `owner` holds a lease. */
  builds: readonly Readonly<{ tenantId: string; deploymentId: string }>[];
  routed: readonly Readonly<{ tenantId: string; releaseId: string }>[];
  /** Heads of production branches on the built-in remote whose newest deployment is of another commit. */
  unplanned: readonly Readonly<{ tenantId: string; repositoryId: string; ref: string }>[];
  /** Asked to be cancelled, and held by no worker. */
  cancelled: readonly Readonly<{ tenantId: string; deploymentId: string }>[];
}>;

/** What the sweep reads across tenants, and what it tidies tenant by tenant. */
export class SweepStore {
  constructor(private readonly db: Database) {}

  /**
   * @param rootDir the root directory that plans are made for.
   * @param settledSeconds heads younger than this are left to the job that came with them.
   */
  async pending(owner: string, rootDir: string, settledSeconds: number): Promise<PendingWork> {
    return this.db.cross('sweep', async (tx) => ({
      builds: await tx.$queryRaw<PendingWork['builds'][number][]>`
        select tenant_id as "tenantId", id as "deploymentId" from deployments
        where status in ('queued', 'building')
          and (lease_until is null or lease_until < now() or lease_owner = ${owner})
        order by created_at limit 1000`,
      routed: await tx.$queryRaw<PendingWork['routed'][number][]>`
        select tenant_id as "tenantId", id as "releaseId" from releases where status = 'routed'
        order by created_at limit 1000`,
      unplanned: await unplannedHeads(tx, rootDir, settledSeconds),
      cancelled: await tx.$queryRaw<PendingWork['cancelled'][number][]>`
        select tenant_id as "tenantId", id as "deploymentId" from deployments
        where status in ('queued', 'releasing') and cancel_requested_at is not null limit 1000`,
    }));
  }

  /** Those of `ids` that are deployments which are not finished building. */
  async unfinishedBuilds(ids: readonly string[]): Promise<string[]> {
    return this.db.cross('sweep', async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`
        select id from deployments where id = any(${[...ids]}) and status in ('queued', 'building')`;
      return rows.map((row) => row.id);
    });
  }

  /** The artifacts of all revisions; null while anything is building, because a build may be about to name more. */
  async artifactsInUse(): Promise<ReadonlySet<string> | null> {
    return this.db.cross('sweep', async (tx) => {
      const [state] = await tx.$queryRaw<{ busy: boolean }[]>`
        select exists (select from deployments where status in ('queued', 'building')) as busy`;
      if (state?.busy !== false) return null;
      const rows = await tx.$queryRaw<{ digest: string }[]>`select distinct artifact_digest as digest from revisions`;
      return new Set(rows.map((row) => row.digest));
    });
  }

  /** The ids of all tenants. */
  async tenants(): Promise<string[]> {
    return this.db.cross('sweep', async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`select id from tenants order by id`;
      return rows.map((row) => row.id);
    });
  }

  /** Of these tenants, those of which no row is left. */
  async gone(tenantIds: readonly string[]): Promise<string[]> {
    return this.db.cross('sweep', async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`
        select id from tenants where id = any (${[...tenantIds]}) and purged_at is not null`;
      return rows.map((row) => row.id);
    });
  }

  /** Removes all rows of a deleted tenant of which nothing runs any more. Returns 1 when they went now, else 0. */
  async purge(tenantId: string): Promise<number> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<{ isGone: boolean; slug: string }[]>`
        select purge_tenant(${tenantId}) as "isGone", slug from tenants where id = ${tenantId}`;
      if (row?.isGone !== true) return 0;
      const entry = { action: 'tenant.purge', target: `tenant/${row.slug}`, details: { id: tenantId } };
      await writePlatformAudit(tx, platformActor, entry);
      return 1;
    });
  }

  /** Removes the worker's own read tokens that are past their time. Returns how many. */
  async removeExpiredTokens(tenantId: string): Promise<number> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`
        delete from tokens where tenant_id = ${tenantId} and created_by is null and repository_id is not null
          and scopes = array['git:read'] and expires_at < now()`,
    );
  }

  /**
   * Removes revisions that neither the newest `keep` deployments of their (environment, repository, root directory),
   * nor a live or unfinished one, nor a route, a pin, an unfinished release or a replica names. Of a closed preview none
   * is kept for being new. The deployments stay, and cannot be restored any more. Returns how many were removed.
   */
  async removeOldRevisions(tenantId: string, keep: number): Promise<number> {
    return this.db.tenant(tenantId, async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`
        with ranked as (
          select d.id, d.status, e.closed_at is not null as is_closed, row_number() over (
            partition by d.environment_id, d.repository_id, d.root_dir order by d.created_at desc) as place
          from deployments d join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
          where d.tenant_id = ${tenantId} and exists (select from deployment_functions df
            where df.tenant_id = d.tenant_id and df.deployment_id = d.id and df.revision_id is not null)
        ), kept as (
          select id from ranked where (place <= ${keep} and not is_closed) or status in ('queued', 'building', 'releasing', 'live')
          union select deployment_id from routes where tenant_id = ${tenantId}
          union select deployment_id from pins where tenant_id = ${tenantId}
          union select deployment_id from releases where tenant_id = ${tenantId} and status in ('pending', 'routed')
        )
        select v.id from revisions v
        where v.tenant_id = ${tenantId}
          and not exists (select from deployment_functions df join kept k on k.id = df.deployment_id
            where df.tenant_id = v.tenant_id and df.revision_id = v.id)
          and not exists (select from routes o where o.tenant_id = v.tenant_id and o.revision_id = v.id)
          and not exists (select from replicas p where p.tenant_id = v.tenant_id and p.revision_id = v.id)`;
      const ids = rows.map((row) => row.id);
      if (ids.length === 0) return 0;
      await tx.$executeRaw`
        update deployment_functions set revision_id = null where tenant_id = ${tenantId} and revision_id = any(${ids})`;
      return tx.$executeRaw`delete from revisions where tenant_id = ${tenantId} and id = any(${ids})`;
    });
  }

  /**
   * Removes pushes and deployments that ended more than `keepDays` days ago. Deployments stay while something names
   * them: a revision, a route, a pin, an unfinished release. So does the newest of each (repository, root directory, ref),
   * which plans are compared with, unless its preview is closed and its ref is gone. Of previews that were closed so long
   * ago, functions go too when no usage is kept of them, and in the end the preview. Returns how many rows were removed.
   */
  async removeOldHistory(tenantId: string, keepDays: number): Promise<number> {
    return this.db.tenant(tenantId, async (tx) => {
      const pushes = await tx.$executeRaw`
        delete from pushes where tenant_id = ${tenantId} and finished_at < now() - make_interval(days => ${keepDays}::integer)`;
      const deployments = await tx.$executeRaw`
        delete from deployments d
        where d.tenant_id = ${tenantId} and d.finished_at < now() - make_interval(days => ${keepDays}::integer)
          and d.status in ('retired', 'failed', 'superseded', 'skipped', 'cancelled')
          and (exists (select from deployments n where n.tenant_id = d.tenant_id and n.repository_id = d.repository_id
              and n.root_dir = d.root_dir and n.ref = d.ref and n.created_at > d.created_at)
            or (exists (select from environments e where e.tenant_id = d.tenant_id and e.id = d.environment_id
                and e.closed_at is not null)
              and not exists (select from repository_refs h where h.tenant_id = d.tenant_id
                and h.repository_id = d.repository_id and h.ref = d.ref)))
          and not exists (select from revisions v where v.tenant_id = d.tenant_id and v.deployment_id = d.id)
          and not exists (select from routes o where o.tenant_id = d.tenant_id and o.deployment_id = d.id)
          and not exists (select from pins p where p.tenant_id = d.tenant_id and p.deployment_id = d.id)
          and not exists (select from releases l where l.tenant_id = d.tenant_id and l.deployment_id = d.id
            and l.status in ('pending', 'routed'))`;
      return pushes + deployments + (await removeClosedPreviews(tx, tenantId, keepDays));
    });
  }

  /**
   * Makes the partitions of records from today until `daysAhead` days from now, and drops those of logs and receipts
   * that are older than so many days, with the names of the segments that the receipts came in.
   */
  async turnPartitions(daysAhead: number, keepLogDays: number, keepReceiptDays: number): Promise<void> {
    await this.db.plain(async (tx) => {
      await tx.$executeRaw`
        select ensure_partitions((now() at time zone 'utc')::date + n)
        from generate_series(0, ${daysAhead}::integer) as n`;
      await tx.$executeRaw`
        select drop_partitions('log_chunks', (now() at time zone 'utc')::date - ${keepLogDays}::integer),
          drop_partitions('receipts', (now() at time zone 'utc')::date - ${keepReceiptDays}::integer)`;
      await tx.$executeRaw`
        delete from receipt_segments where shipped_at < now() - make_interval(days => ${keepReceiptDays}::integer)`;
    });
  }
}

/** What has usage stays: what was paid for must be told for as long as the bill. */
async function removeClosedPreviews(tx: Tx, tenantId: string, keepDays: number): Promise<number> {
  const functions = await tx.$executeRaw`
    delete from functions f using environments e
    where f.tenant_id = ${tenantId} and e.tenant_id = f.tenant_id and e.id = f.environment_id
      and e.closed_at < now() - make_interval(days => ${keepDays}::integer) and f.removed_at is not null
      and not exists (select from revisions v where v.tenant_id = f.tenant_id and v.function_id = f.id)
      and not exists (select from usage_hourly u where u.tenant_id = f.tenant_id and u.function_id = f.id)`;
  const environments = await tx.$executeRaw`
    delete from environments e
    where e.tenant_id = ${tenantId} and e.closed_at < now() - make_interval(days => ${keepDays}::integer)
      and not exists (select from functions f where f.tenant_id = e.tenant_id and f.environment_id = e.id)
      and not exists (select from deployments d where d.tenant_id = e.tenant_id and d.environment_id = e.id)`;
  return functions + environments;
}

async function unplannedHeads(tx: Tx, rootDir: string, settledSeconds: number): Promise<PendingWork['unplanned']> {
  return tx.$queryRaw<PendingWork['unplanned'][number][]>`
    select h.tenant_id as "tenantId", h.repository_id as "repositoryId", h.ref
    from repository_refs h
    join repositories r on r.tenant_id = h.tenant_id and r.id = h.repository_id
      and r.source = 'builtin' and h.ref in (r.production_branch, 'refs/heads/' || r.production_branch)
    where h.updated_at <= now() - make_interval(secs => ${settledSeconds}::float8)
      and h.commit_sha is distinct from (select d.commit_sha from deployments d
        where d.tenant_id = h.tenant_id and d.repository_id = h.repository_id and d.root_dir = ${rootDir}
          and d.ref = h.ref order by d.created_at desc limit 1)
    limit 1000`;
}
