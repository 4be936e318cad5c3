export { initPostgres, ownerUrl, postgresCommand, type PostgresPlace, postgresUrl, waitForPostgres } from '@wherry/db';
export { setupDatabase } from '@wherry/queue';
