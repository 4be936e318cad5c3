import type { Database } from '../../database';

/** Time that a function's minimum of replicas was kept without a call: configured MiB × milliseconds, whole. */
export type IdleUsage = Readonly<{ functionId: string; atMs: number; idleMibMs: number }>;

/** Meters replicas that are kept warm. */
export class IdleUsageStore {
  constructor(private readonly db: Database) {}

  /** Adds to the hour of `atMs`. Not idempotent: each interval is given once, and one that fails is not given again. */
  async add(tenantId: string, usages: readonly IdleUsage[]): Promise<void> {
    await this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        insert into usage_hourly (tenant_id, function_id, hour, idle_mib_ms)
        select ${tenantId}, f.id, date_trunc('hour', to_timestamp(u."atMs" / 1000), 'UTC'), sum(u."idleMibMs")
        from jsonb_to_recordset(${JSON.stringify(usages)}::jsonb)
          as u("functionId" text, "atMs" float8, "idleMibMs" bigint)
        join functions f on f.tenant_id = ${tenantId} and f.id = u."functionId"
        group by 2, 3
        on conflict (tenant_id, function_id, hour)
          do update set idle_mib_ms = usage_hourly.idle_mib_ms + excluded.idle_mib_ms`;
    });
  }
}
