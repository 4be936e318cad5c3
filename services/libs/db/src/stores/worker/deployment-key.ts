import type { Tx } from '../../database';

/**
 * Makes transactions about one (repository, root directory) wait for each other until they end: planning, and turning
 * a build into revisions. An advisory lock, because the worker may not lock rows of `repositories`.
 */
export async function lockDeploymentKey(
  tx: Tx,
  tenantId: string,
  key: Readonly<{ repositoryId: string; rootDir: string }>,
): Promise<void> {
  const name = `deployment/${tenantId}/${key.repositoryId}/${key.rootDir}`;
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}
