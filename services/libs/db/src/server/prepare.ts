import pg from 'pg';
import { withClient } from '../with-client';

/** The database role of each process. */
export const processRoles = {
  api: 'wherry_api',
  gateway: 'wherry_gateway',
  git: 'wherry_git',
  worker: 'wherry_worker',
  controller: 'wherry_controller',
} as const;
export type ProcessRole = (typeof processRoles)[keyof typeof processRoles];

/** Partitions are made this many days ahead; the worker's sweep makes further ones. */
const partitionDays = 3;

/**
 * After the migrations: lets each process's role log in with its own password, and makes the partitions of today and
 * the next days. Runs at every start, as the owner.
 */
export async function prepareDatabase(
  ownerUrl: string,
  passwords: Readonly<Record<ProcessRole, string>>,
): Promise<void> {
  await withClient(ownerUrl, 'setup', async (client) => {
    for (const [role, password] of Object.entries(passwords)) {
      await client.query(`alter role ${pg.escapeIdentifier(role)} login password ${pg.escapeLiteral(password)}`);
    }
    const today = "(now() at time zone 'utc')::date";
    await client.query(`select ensure_partitions(${today} + n) from generate_series(0, ${partitionDays}) n`);
  });
}
