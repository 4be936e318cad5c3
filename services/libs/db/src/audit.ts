import type { Tx } from './database';

/**
 * Who changes something: a person, a tenant's token, GitHub by a webhook or at a login, or the platform by itself.
 * `id` is of a user or a token; `name` is shown also when those are gone.
 */
export type Actor = Readonly<{
  kind: 'user' | 'token' | 'github' | 'platform';
  id: string | null;
  name: string;
  /** Of the request that asked for it, as in the log; null when none did. */
  requestId: string | null;
}>;

/**
 * What was changed. `action` is `<noun>.<verb>`, `target` names the thing for people, such as `secret/api-key`.
 * `details` hold no secret value: the log is exported.
 */
export type AuditEntry = Readonly<{
  action: string;
  target: string;
  details?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}>;

/** The platform, when nobody asked for a change. */
export const platformActor: Actor = { kind: 'platform', id: null, name: 'Wherry', requestId: null };
/** GitHub, when it said so by a webhook or was asked. */
export const githubActor: Actor = { kind: 'github', id: null, name: 'GitHub', requestId: null };

/**
 * Adds one row to the platform's audit log, for what is no tenant's, or outlives it. In the transaction of the change, as
 * `writeAudit`.
 */
export async function writePlatformAudit(tx: Tx, actor: Actor, entry: AuditEntry): Promise<void> {
  const details = JSON.stringify(entry.details ?? {});
  await tx.$executeRaw`
    insert into platform_audit_log (actor_kind, actor_id, actor_name, action, target, details, request_id)
    values (${actor.kind}, ${actor.id}, ${actor.name}, ${entry.action}, ${entry.target}, ${details}::jsonb,
            ${actor.requestId})`;
}

/**
 * Adds one row to a tenant's audit log. Call it in the transaction of the change itself, and only when something was
 * changed: then there is no change without its row, and no row without its change.
 */
export async function writeAudit(tx: Tx, tenantId: string, actor: Actor, entry: AuditEntry): Promise<void> {
  const details = JSON.stringify(entry.details ?? {});
  await tx.$executeRaw`
    insert into audit_log (tenant_id, actor_kind, actor_id, actor_name, action, target, details, request_id)
    values (${tenantId}, ${actor.kind}, ${actor.id}, ${actor.name}, ${entry.action}, ${entry.target},
            ${details}::jsonb, ${actor.requestId})`;
}
