import { type Actor, writeAudit } from '../../audit';
import type { Tx } from '../../database';
import { Prisma } from '../../generated/client';

/** What a preview is of: a pull request or a branch. */
export type PreviewOf = Readonly<{ repositoryId: string; pullRequest?: number; branch?: string }>;

/** A preview as it is made when it is not there. */
export type WantedPreview = PreviewOf & Readonly<{ newId: string; name: string; label: string; leaseDays: number }>;

/**
 * Makes the environment of a preview, opens it again, or prolongs it: `leaseDays` from now. Several plans of one preview
 * take turns until their transactions end.
 * @returns its id, and when it was opened.
 */
export async function openPreview(
  tx: Tx,
  tenantId: string,
  wanted: WantedPreview,
): Promise<{ id: string; openedAt: Date }> {
  const { repositoryId, pullRequest = null, branch = null } = wanted;
  const lock = `preview/${tenantId}/${repositoryId}/${pullRequest}/${branch}`;
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`;
  const [known] = await tx.$queryRaw<{ id: string; openedAt: Date }[]>`
    update environments set expires_at = now() + make_interval(days => ${wanted.leaseDays}::integer),
      opened_at = case when closed_at is null then coalesce(opened_at, now()) else clock_timestamp() end,
      closed_at = null, closed_reason = null
    where tenant_id = ${tenantId} and repository_id = ${repositoryId} and kind = 'preview'
      and pull_request is not distinct from ${pullRequest} and branch is not distinct from ${branch}
    returning id, opened_at as "openedAt"`;
  if (known) return known;
  const [made] = await tx.$queryRaw<{ id: string; openedAt: Date }[]>`
    insert into environments (tenant_id, id, name, kind, repository_id, pull_request, branch, label, expires_at, opened_at)
    values (${tenantId}, ${wanted.newId}, ${wanted.name}, 'preview', ${repositoryId}, ${pullRequest}, ${branch},
      ${wanted.label}, now() + make_interval(days => ${wanted.leaseDays}::integer), clock_timestamp())
    returning id, opened_at as "openedAt"`;
  if (!made) throw new Error('An insert without a condition made no row.');
  return made;
}

/** Why a preview is closed, and who says so. */
export type Closing = Readonly<{ by: Actor; reason: string }>;

/** Closes a preview; what runs in it is removed by whoever hears of it. Nothing happens when it is closed. */
export async function closePreview(tx: Tx, tenantId: string, of: PreviewOf, closing: Closing): Promise<void> {
  const { repositoryId, pullRequest = null, branch = null } = of;
  const which = Prisma.sql`repository_id = ${repositoryId} and pull_request is not distinct from ${pullRequest}
    and branch is not distinct from ${branch}`;
  await closePreviews(tx, tenantId, which, closing);
}

/** Closes the open ones of these previews, with a row of the audit log for each. Returns how many. */
export async function closePreviews(
  tx: Tx,
  tenantId: string,
  which: Prisma.Sql,
  { by, reason }: Closing,
): Promise<number> {
  const closed = await tx.$queryRaw<{ name: string }[]>`
    update environments set closed_at = now(), closed_reason = ${reason}
    where tenant_id = ${tenantId} and kind = 'preview' and closed_at is null and ${which} returning name`;
  for (const { name } of closed) {
    await writeAudit(tx, tenantId, by, { action: 'preview.end', target: `preview/${name}`, details: { reason } });
  }
  return closed.length;
}
