import type { Database } from '../../database';
import { Prisma } from '../../generated/client';

export type MeterRow = Readonly<{
  invocations: number;
  errors: number;
  durationMs: number;
  mibMs: number;
  idleMibMs: number;
  responseBytes: number;
  buildMs: number;
  logBytes: number;
}>;
export type UsageRow = MeterRow & Readonly<{ functionId: string; name: string; isRemoved: boolean; hour: Date }>;

// As doubles, which are exact up to 2^53.
const meters = Prisma.sql`
  u.invocations::float8, u.errors::float8, u.duration_ms::float8 as "durationMs", u.mib_ms::float8 as "mibMs",
  u.idle_mib_ms::float8 as "idleMibMs", u.response_bytes::float8 as "responseBytes",
  u.build_ms::float8 as "buildMs", u.log_bytes::float8 as "logBytes"`;

/** Usage by function and hour, as the meters counted it. */
export class ConsoleUsageStore {
  constructor(private readonly db: Database) {}

  /** All rows of [from, to), by hour; of one function when its id is given. Removed functions count too. */
  async list(
    tenantId: string,
    range: { from: Date; to: Date; functionId: string | null },
  ): Promise<readonly UsageRow[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<UsageRow[]>`
        select u.function_id as "functionId", f.name, f.removed_at is not null as "isRemoved", u.hour, ${meters}
        from usage_hourly u join functions f on f.tenant_id = u.tenant_id and f.id = u.function_id
        where u.hour >= ${range.from} and u.hour < ${range.to}
          and (${range.functionId}::text is null or u.function_id = ${range.functionId}::text)
        order by u.hour, f.name`,
    );
  }
}
