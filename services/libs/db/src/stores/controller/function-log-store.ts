import type { Database } from '../../database';

/** Lines of one replica. `lines`: [epoch ms, stream, call id or '', text]; neither text nor id may hold NUL. */
export type FunctionLogChunk = Readonly<{
  revisionId: string;
  replicaId: string;
  firstAtMs: number;
  lastAtMs: number;
  byteCount: number;
  lines: readonly (readonly [number, string, string, string])[];
}>;

/** Stores what functions print. */
export class FunctionLogStore {
  constructor(private readonly db: Database) {}

  /** Adds chunks and meters their bytes in one transaction. Chunks of revisions that are gone are dropped. */
  async append(tenantId: string, chunks: readonly FunctionLogChunk[]): Promise<void> {
    await this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        with incoming as (
          select c.*, v.function_id, to_timestamp(c."firstAtMs" / 1000) as first_at
          from jsonb_to_recordset(${JSON.stringify(chunks)}::jsonb) as c("revisionId" text, "replicaId" text,
            "firstAtMs" float8, "lastAtMs" float8, "byteCount" integer, lines jsonb)
          join revisions v on v.tenant_id = ${tenantId} and v.id = c."revisionId"
        ), added as (
          insert into log_chunks (tenant_id, day, source, function_id, revision_id, replica_id, first_at, last_at,
            byte_count, lines)
          select ${tenantId}, (first_at at time zone 'UTC')::date, 'function', function_id, "revisionId", "replicaId",
            first_at, to_timestamp("lastAtMs" / 1000), "byteCount", lines
          from incoming
        )
        insert into usage_hourly (tenant_id, function_id, hour, log_bytes)
        select ${tenantId}, function_id, date_trunc('hour', first_at, 'UTC'), sum("byteCount")
        from incoming group by function_id, date_trunc('hour', first_at, 'UTC')
        on conflict (tenant_id, function_id, hour)
          do update set log_bytes = usage_hourly.log_bytes + excluded.log_bytes`;
    });
  }
}
