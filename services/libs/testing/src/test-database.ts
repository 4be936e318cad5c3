import { randomBytes } from 'node:crypto';
import { databaseName, ownerRole, postgresUrl, type ProcessRole } from '@wherry/db';
import pg from 'pg';
import { inject } from 'vitest';
import type { TestServer } from './global-setup';

export type TestDatabase = Readonly<{
  /** The connection string of one role on this database; `owner` passes by row-level security. */
  url(role: ProcessRole | 'owner'): string;
  /** Ends all connections to the database, and drops it. */
  close(): Promise<void>;
}>;

/**
 * A database of its own, with all migrations and queues and no rows: a copy of the run's template.
 * @param options.empty without migrations and queues.
 * @param options.server of `startTestServer`; the run's own when left out.
 */
export async function createTestDatabase({
  empty = false,
  server,
}: { empty?: boolean; server?: TestServer } = {}): Promise<TestDatabase> {
  const { socketDir, ownerPassword } = server ?? inject('postgres');
  const name = `test_${randomBytes(8).toString('hex')}`;
  const admin = async (sql: string) => {
    const client = new pg.Client({
      connectionString: postgresUrl({ socketDir }, ownerRole, ownerPassword, 'postgres'),
    });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await admin(`create database ${name} template ${empty ? 'template0' : databaseName}`);
  return {
    url: (role) =>
      role === 'owner'
        ? postgresUrl({ socketDir }, ownerRole, ownerPassword, name)
        : postgresUrl({ socketDir }, role, role, name),
    close: () => admin(`drop database if exists ${name} with (force)`),
  };
}

/** Connections as the owner, who sees every row. End the pool before the database is closed. */
export function openOwnerPool(database: TestDatabase): pg.Pool {
  const pool = new pg.Pool({ connectionString: database.url('owner'), max: 3 });
  pool.on('error', () => undefined);
  // A pool no longer listens to a connection that it ends; dropping the database may be quicker.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}
