import type { OutputOf } from '../http/operation';

type AuditEvent = OutputOf<'listAudit'>['events'][number];

/** The columns of an export for spreadsheets, with the line break that RFC 4180 asks for. */
export const auditCsvHead = 'id,at,actor_kind,actor_id,actor_name,action,target,details,request_id\r\n';

/** One event as a line of CSV (RFC 4180); `details` are JSON. */
export function auditCsvLine({ id, at, actor, action, target, details, requestId }: AuditEvent): string {
  const cells = [id, at, actor.kind, actor.id, actor.name, action, target, JSON.stringify(details), requestId];
  return `${cells.map((cell) => quoted(cell ?? '')).join(',')}\r\n`;
}

/**
 * Every cell is quoted. A spreadsheet takes a cell that begins like a formula for one, even when quoted, so an
 * apostrophe makes it text: names are chosen by members, and the file is read by whoever audits them
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
function quoted(cell: string): string {
  const text = /^[=+\-@\t\r\n|%＝＋－＠]/.test(cell) ? `'${cell}` : cell;
  return `"${text.replaceAll('"', '""')}"`;
}
