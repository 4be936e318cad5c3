import { withClient } from '@wherry/db';
import { PgBoss } from 'pg-boss';
import { queueOptions } from './jobs';

/**
 * Makes or renews the queues' tables and settings, and lets each role do its part: the worker everything with jobs, the
 * api and git add them only. Runs at every start, as the owner; nobody else may change the tables.
 * @throws when the database cannot be reached, or was set up by a newer version.
 */
export async function installQueues(ownerUrl: string): Promise<void> {
  const boss = new PgBoss({
    ...{ connectionString: ownerUrl, application_name: 'setup', max: 1 },
    ...{ migrate: true, supervise: false, schedule: false },
  });
  const failures: Error[] = [];
  boss.on('error', (error) => failures.push(error));
  try {
    await boss.start();
    for (const [name, options] of Object.entries(queueOptions)) {
      await boss.createQueue(name, options);
      await boss.updateQueue(name, options);
    }
  } finally {
    await boss.stop({ graceful: false });
  }
  if (failures[0]) throw failures[0];
  await grant(ownerUrl);
}

const grants = [
  'grant usage on schema pgboss to wherry_api, wherry_git, wherry_worker',
  'grant execute on function pgboss.job_now() to wherry_api, wherry_git, wherry_worker',
  // Senders add jobs and cannot read or change any.
  'grant select on pgboss.queue to wherry_api, wherry_git',
  'grant insert, select (id, start_after) on pgboss.job, pgboss.job_common to wherry_api, wherry_git',
  'grant select, insert, update, delete on all tables in schema pgboss to wherry_worker',
  'grant usage on all sequences in schema pgboss to wherry_worker',
];

async function grant(ownerUrl: string): Promise<void> {
  await withClient(ownerUrl, 'setup', (client) => client.query(['begin', ...grants, 'commit'].join(';\n')));
}
