import type { Actor } from '../../audit';
import type { Database, Tx } from '../../database';
import { Prisma } from '../../generated/client';

export type AuditRow = Readonly<{
  /** Grows from row to row; text, because it may outgrow a number. */
  id: string;
  at: Date;
  actorKind: Actor['kind'];
  actorId: string | null;
  actorName: string;
  action: string;
  target: string;
  details: Record<string, unknown>;
  requestId: string | null;
}>;
export type AuditFilter = Readonly<{
  /** An id or a name. */
  actor?: string | undefined;
  /** A whole action, or its noun. */
  action?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}>;
export type AuditPage = Readonly<{ order: 'newest' | 'oldest'; after: string | null; limit: number }>;

/** Audit logs, which are only read here: rows are added by `writeAudit` and `writePlatformAudit`, beside the change. */
export class ConsoleAuditStore {
  constructor(private readonly db: Database) {}

  /** A tenant's. @param page `after` is the id of the last row of the page before. */
  async list(tenantId: string, filter: AuditFilter, page: AuditPage): Promise<readonly AuditRow[]> {
    return this.db.tenant(tenantId, (tx) =>
      read(tx, Prisma.sql`audit_log where tenant_id = ${tenantId}`, filter, page),
    );
  }

  /** The platform's own. */
  async listPlatform(filter: AuditFilter, page: AuditPage): Promise<readonly AuditRow[]> {
    return this.db.plain((tx) => read(tx, Prisma.sql`platform_audit_log where true`, filter, page));
  }
}

function read(tx: Tx, from: Prisma.Sql, filter: AuditFilter, page: AuditPage): Promise<AuditRow[]> {
  const { actor = null, action = null, from: since = null, to = null } = filter;
  const direction = page.order === 'newest' ? -1n : 1n;
  const after = page.after === null ? null : BigInt(page.after) * direction;
  return tx.$queryRaw<AuditRow[]>`
    select id::text, at, actor_kind as "actorKind", actor_id as "actorId", actor_name as "actorName", action, target,
           details, request_id as "requestId"
    from ${from}
      and (${actor}::text is null or actor_id = ${actor}::text or actor_name = ${actor}::text)
      and (${action}::text is null or action = ${action}::text or split_part(action, '.', 1) = ${action}::text)
      and (${since}::timestamptz is null or at >= ${since}::timestamptz)
      and (${to}::timestamptz is null or at < ${to}::timestamptz)
      and (${after}::bigint is null or id * ${direction}::bigint > ${after}::bigint)
    order by id * ${direction}::bigint limit ${page.limit}`;
}
