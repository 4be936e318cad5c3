import { migrate, prepareDatabase, type ProcessRole, withClient } from '@wherry/db';
import { installQueues } from './install-queues';

/** Held for the whole setup. Not the lock of the migrations, which Prisma's command line takes too. */
const setupLock = 7_290_514;

/**
 * Brings a database to what this version needs: migrations, queues, partitions, and a login for each process's role.
 * Runs at every start, as the owner. Two at once take turns, and the second finds everything done.
 * @param ownerUrl a session of its own on the server, not through a pooler that shares sessions.
 * @param migrationsFolder Prisma's folder of migrations.
 * @returns the names of the migrations that were applied now.
 */
export async function setupDatabase(
  ownerUrl: string,
  migrationsFolder: string,
  passwords: Readonly<Record<ProcessRole, string>>,
): Promise<string[]> {
  return withClient(ownerUrl, 'setup', async (client) => {
    // PostgreSQL refuses two changes of one role or of one grant at the same moment.
    await client.query('select pg_advisory_lock($1)', [setupLock]);
    const applied = await migrate(ownerUrl, migrationsFolder);
    await prepareDatabase(ownerUrl, passwords);
    await installQueues(ownerUrl);
    return applied;
  });
}
