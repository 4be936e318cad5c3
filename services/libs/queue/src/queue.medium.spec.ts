import { Database, withClient } from '@wherry/db';
import { createTestDatabase, type TestDatabase } from '@wherry/testing';
import { PgBoss } from 'pg-boss';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Queue } from './queue';

const job = (ref: string) => ({ tenantId: 'ten_a', repositoryId: 'rep_a', ref });

const noLoops = { migrate: false, supervise: false, schedule: false };

let server: TestDatabase;
let git: Database;
let sender: Queue;
let worker: Queue;

beforeEach(async () => {
  server = await createTestDatabase();
  git = await Database.open({ url: server.url('wherry_git'), applicationName: 'git', poolSize: 2 });
  sender = await Queue.open({ url: server.url('wherry_git'), applicationName: 'git' });
  worker = await Queue.open({ url: server.url('wherry_worker'), applicationName: 'worker' });
});

afterEach(async () => {
  await Promise.all([git.close(), sender.close(), worker.close()]);
  await server.close();
});

/** Resolves with the refs of the first `count` plans in the order in which they were run. */
function plans(queue: Queue, count: number, concurrency = 1): Promise<string[]> {
  const refs: string[] = [];
  return new Promise((resolve, reject) => {
    const work = queue.work('plan', { concurrency }, async ({ ref }) => {
      if (refs.push(ref) === count) resolve(refs);
    });
    work.catch(reject);
  });
}

describe('Queue', () => {
  it('runs a job only when the transaction that sent it has committed', async () => {
    const seen = plans(worker, 1);
    const undone = git.tenant('ten_a', async (tx) => {
      await sender.send(tx, 'plan', job('refs/heads/undone'));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await git.tenant('ten_a', (tx) => sender.send(tx, 'plan', job('refs/heads/main')));
    expect(await seen).toEqual(['refs/heads/main']);
  });

  it('runs a plan that was sent while one of the same ref runs, after it', async () => {
    const running: string[] = [];
    let finishFirst = () => {};
    const firstMayFinish = new Promise<void>((resolve) => (finishFirst = resolve));
    let sawFirst = () => {};
    const firstStarted = new Promise<void>((resolve) => (sawFirst = resolve));
    const both = new Promise<void>((resolve) => {
      void worker.work('plan', { concurrency: 2 }, async () => {
        running.push('start');
        if (running.length === 1) {
          sawFirst();
          await firstMayFinish;
        }
        running.push('end');
        if (running.length === 4) resolve();
      });
    });
    await git.plain((tx) => sender.send(tx, 'plan', job('refs/heads/main')));
    await firstStarted;
    await git.plain((tx) => sender.send(tx, 'plan', job('refs/heads/main')));
    finishFirst();
    await both;
    expect(running).toEqual(['start', 'end', 'start', 'end']);
  });

  it('takes up everything that waits without a pause between', async () => {
    const refs = Array.from({ length: 12 }, (_, n) => `refs/heads/b${n}`);
    await git.plain(async (tx) => {
      for (const ref of refs) await sender.send(tx, 'plan', job(ref));
    });
    const started = performance.now();
    const seen = await plans(worker, refs.length);
    expect(seen.toSorted()).toEqual(refs.toSorted());
    // One poll is 2 s: a queue that waited for the poll between two jobs would take over 20 s.
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it('reads few of the jobs that wait to take one, also when statistics know none of them', async () => {
    const waiting = 5_000;
    const refs = Array.from({ length: waiting }, (_, n) => job(`refs/heads/b${n}`));
    const asOwner = (sql: string) => withClient(server.url('owner'), 'test', (client) => client.query(sql));
    const done = "update pgboss.job set state = 'completed', completed_on = now(), started_on = now()";
    await git.plain((tx) => sender.sendAll(tx, 'plan', refs));
    await asOwner(done);
    await git.plain((tx) => sender.sendAll(tx, 'plan', refs));
    const taken = 20;
    await plans(worker, taken);
    // A connection that ends has told what it read.
    await worker.close();
    const sql = `select sum(idx_tup_read)::int as entries from pg_stat_user_indexes i
      join pg_index x using (indexrelid) where i.relname = 'job_common' and pg_get_indexdef(x.indexrelid) like '%created_on%'`;
    const read = await asOwner(sql);
    // The entries of those that are done are passed once.
    expect(read.rows[0].entries).toBeGreaterThan(0);
    expect(read.rows[0].entries).toBeLessThan(3 * waiting);
  });

  it('tries a job again whose handler threw', async () => {
    let tries = 0;
    const done = new Promise<void>((resolve) => {
      void worker.work('plan', { concurrency: 1 }, async () => {
        tries += 1;
        if (tries === 1) throw new Error('not now');
        resolve();
      });
    });
    await git.plain((tx) => sender.send(tx, 'plan', job('refs/heads/main')));
    await done;
    expect(tries).toBe(2);
  });

  it("takes up the job of a worker that died without a word, once the job's heartbeat has stopped", async () => {
    // What a killed worker leaves: a job that was fetched and that nobody touches.
    const dead = new PgBoss({ connectionString: server.url('wherry_worker'), ...noLoops });
    await dead.start();
    await git.plain((tx) => sender.send(tx, 'plan', job('refs/heads/main')));
    expect(await dead.fetch('plan')).toHaveLength(1);
    await dead.stop({ graceful: false });
    const late = "update pgboss.job set heartbeat_on = heartbeat_on - interval '11 seconds' where state = 'active'";
    await withClient(server.url('owner'), 'test', (client) => client.query(late));
    expect(await plans(worker, 1)).toEqual(['refs/heads/main']);
  });

  it('aborts the signal of a job that is not its own any more', async () => {
    const aborted = new Promise<void>((resolve) => {
      void worker.work('plan', { concurrency: 1 }, async (_, signal) => {
        signal.addEventListener('abort', () => resolve());
        await withClient(server.url('owner'), 'test', (client) =>
          client.query("update pgboss.job set state = 'cancelled', completed_on = now() where state = 'active'"),
        );
        await aborted;
      });
    });
    await git.plain((tx) => sender.send(tx, 'plan', job('refs/heads/main')));
    await aborted;
  });

  it('holds no connection in a process that only sends', async () => {
    await git.plain((tx) => sender.send(tx, 'plan', job('refs/heads/main')));
    const sql = "select 1 from pg_stat_activity where datname = current_database() and application_name = 'git-queue'";
    await expect.poll(() => git.plain((tx) => tx.$queryRawUnsafe(sql))).toEqual([]);
  });

  it('lets a process that only sends neither read nor change jobs', async () => {
    for (const sql of ['select data from pgboss.job', 'delete from pgboss.job', "update pgboss.job set name = 'x'"]) {
      await expect(git.plain((tx) => tx.$executeRawUnsafe(sql))).rejects.toThrow('permission denied');
    }
  });
});
