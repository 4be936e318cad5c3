import type { Database, Tx } from '../../database';
import { closedText, nextRoutingVersion } from './release-store';

/** Takes away what a closed preview leaves. */
export class PreviewStore {
  constructor(private readonly db: Database) {}

  /**
   * Ends everything in a preview that is closed, in one transaction: its routes go with one new routing version, its
   * functions are removed, releases and builds under way are cancelled, its secrets, variables and pins are deleted.
   * Revisions and deployments stay until they are past their time. A preview that was opened again meanwhile is left
   * alone; one that is being opened again waits until this has ended, so that nothing of its new life is taken away.
   * Doing it twice changes nothing more.
   * @returns whether there was such a preview.
   */
  async empty(tenantId: string, environmentId: string): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const [closed] = await tx.$queryRaw<{ reason: string | null }[]>`
        select closed_reason as reason from environments
        where tenant_id = ${tenantId} and id = ${environmentId} and closed_at is not null
        for update`;
      if (!closed) return false;
      await endDeployments(tx, tenantId, environmentId, closedText(closed.reason));
      await removeRoutes(tx, tenantId, environmentId);
      await tx.$executeRaw`
        update functions set removed_at = now()
        where tenant_id = ${tenantId} and environment_id = ${environmentId} and removed_at is null`;
      await tx.$executeRaw`
        delete from secrets where tenant_id = ${tenantId} and environment_id = ${environmentId}`;
      await tx.$executeRaw`
        delete from variables where tenant_id = ${tenantId} and environment_id = ${environmentId}`;
      await tx.$executeRaw`delete from pins where tenant_id = ${tenantId} and environment_id = ${environmentId}`;
      return true;
    });
  }
}

async function endDeployments(tx: Tx, tenantId: string, environmentId: string, reason: string): Promise<void> {
  await tx.$executeRaw`
    update releases set status = 'superseded', reason = ${reason}, finished_at = now()
    where tenant_id = ${tenantId} and environment_id = ${environmentId} and status in ('pending', 'routed')`;
  // Builds are their workers' to end.
  await tx.$executeRaw`
    update deployments set cancel_requested_at = now()
    where tenant_id = ${tenantId} and environment_id = ${environmentId} and status in ('queued', 'building')
      and cancel_requested_at is null`;
  await tx.$executeRaw`
    update deployments set status = case status when 'live' then 'retired' else 'cancelled' end, reason = ${reason},
      finished_at = coalesce(finished_at, now())
    where tenant_id = ${tenantId} and environment_id = ${environmentId} and status in ('releasing', 'live')`;
}

/** Without a route there is nothing that gateways would have to hear of. */
async function removeRoutes(tx: Tx, tenantId: string, environmentId: string): Promise<void> {
  const [found] = await tx.$queryRaw<unknown[]>`
    select 1 from routes where tenant_id = ${tenantId} and environment_id = ${environmentId} limit 1`;
  if (found === undefined) return;
  await nextRoutingVersion(tx);
  await tx.$executeRaw`delete from routes where tenant_id = ${tenantId} and environment_id = ${environmentId}`;
}
