import { migrate, prepareDatabase, type ProcessRole } from '@wherry/db';
import { installQueues } from '@wherry/queue';

export { initPostgres, ownerUrl, postgresCommand, type PostgresPlace, postgresUrl, waitForPostgres } from '@wherry/db';

/**
 * Brings a database to what this version needs: migrations, queues, partitions, and a login for each process's role.
 * Runs at every start, as the owner, on the embedded server and on one of the operator's own alike.
 * @param migrationsFolder Prisma's folder of migrations.
 * @returns the names of the migrations that were applied now.
 */
export async function setupDatabase(
  ownerUrl: string,
  migrationsFolder: string,
  passwords: Readonly<Record<ProcessRole, string>>,
): Promise<string[]> {
  const applied = await migrate(ownerUrl, migrationsFolder);
  await prepareDatabase(ownerUrl, passwords);
  await installQueues(ownerUrl);
  return applied;
}
