import { Inject, Injectable } from '@nestjs/common';
import { ConsoleAuditStore, type AuditFilter, type AuditPage, type AuditRow, type TenantRow } from '@wherry/db';
import type { InputOf, OutputOf } from '../http/operation';
import { auditCsvHead, auditCsvLine } from './audit-csv';

type AuditEvent = OutputOf<'listAudit'>['events'][number];
type Query = InputOf<'exportAudit'>['query'];

/** Rows of one read of an export. */
const rowsAtOnce = 1_000;

/** Reads the audit log of a tenant, or the platform's: that of null. */
@Injectable()
export class ReadAudit {
  constructor(@Inject(ConsoleAuditStore) private readonly store: ConsoleAuditStore) {}

  /** Newest first; the cursor is the id of the last event before. */
  async list(tenant: TenantRow | null, query: InputOf<'listAudit'>['query']): Promise<OutputOf<'listAudit'>> {
    const { limit, cursor = null } = query;
    const page = { order: 'newest', after: cursor, limit: limit + 1 } as const;
    const rows = await this.read(tenant, filterOf(query), page);
    const shown = rows.slice(0, limit);
    return { events: shown.map(view), nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
  }

  /** The whole log as text, oldest first, a piece at a time so that no log is too long. */
  async *export(tenant: TenantRow | null, query: Query): AsyncGenerator<string> {
    const line = query.format === 'csv' ? auditCsvLine : (event: AuditEvent) => `${JSON.stringify(event)}\n`;
    if (query.format === 'csv') yield auditCsvHead;
    let after: string | null = null;
    for (;;) {
      const page = { order: 'oldest', after, limit: rowsAtOnce } as const;
      const rows: readonly AuditRow[] = await this.read(tenant, filterOf(query), page);
      if (rows.length > 0) yield rows.map((row) => line(view(row))).join('');
      if (rows.length < rowsAtOnce) return;
      after = rows.at(-1)!.id;
    }
  }

  private read(tenant: TenantRow | null, filter: AuditFilter, page: AuditPage): Promise<readonly AuditRow[]> {
    return tenant === null ? this.store.listPlatform(filter, page) : this.store.list(tenant.id, filter, page);
  }
}

function filterOf({ actor, action, from, to }: Omit<Query, 'format'>): AuditFilter {
  const instant = (text: string | undefined) => (text === undefined ? undefined : new Date(text));
  return { actor, action, from: instant(from), to: instant(to) };
}

function view({ id, at, actorKind, actorId, actorName, action, target, details, requestId }: AuditRow): AuditEvent {
  const actor = { kind: actorKind, id: actorId, name: actorName };
  return { id, at: at.toISOString(), actor, action, target, details, requestId };
}
