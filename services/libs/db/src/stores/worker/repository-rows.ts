import { githubActor, writeAudit } from '../../audit';
import type { Tx } from '../../database';
import { Prisma } from '../../generated/client';
import { closePreviews } from './preview-rows';

/**
 * Disconnects those of these repositories that are connected, with all that ends with it: their previews, and what is known
 * of their heads, so that nothing of it is planned before they are back. What is live stays. Returns how many.
 */
export async function disconnectRepositories(
  tx: Tx,
  tenantId: string,
  which: Prisma.Sql,
  reason: string,
): Promise<number> {
  const disconnected = await tx.$queryRaw<{ id: string; name: string }[]>`
    update repositories set disconnected_at = now(), disconnected_reason = ${reason}
    where tenant_id = ${tenantId} and source = 'github' and disconnected_at is null and ${which} returning id, name`;
  const ids = disconnected.map(({ id }) => id);
  await closePreviews(tx, tenantId, Prisma.sql`repository_id = any(${ids})`, { by: githubActor, reason });
  await tx.$executeRaw`delete from repository_refs where tenant_id = ${tenantId} and repository_id = any(${ids})`;
  for (const { name } of disconnected) {
    const entry = { action: 'repository.disconnect', target: `repository/${name}`, details: { reason } };
    await writeAudit(tx, tenantId, githubActor, entry);
  }
  return disconnected.length;
}
