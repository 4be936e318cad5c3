import { type Tx, withClient } from '@wherry/db';
import { fromPrisma, PgBoss } from 'pg-boss';
import { groupOf, type JobName, type Jobs } from './jobs';

export type QueueOptions = Readonly<{
  url: string;
  applicationName: string;
  /** A failure behind the scenes, such as a lost connection; the queue goes on by itself. */
  onError?: (error: Error) => void;
}>;

export type WorkOptions = Readonly<{
  /** Jobs of this queue that run at a time in this process. */
  concurrency: number;
}>;

/** Asked again this often, in seconds, for jobs whose notification was missed and for retries that came due. */
const pollSeconds = 2;
/** How long `close` waits for running jobs, in milliseconds; then their signal aborts and they are retried later. */
const closeTimeoutMs = 12_000;

/**
 * Jobs in the database, sent in the sender's own transaction and run at least once. A process that only sends holds no
 * connection and no timers for it.
 */
export class Queue {
  private worker: Promise<PgBoss> | null = null;

  private constructor(
    private readonly options: QueueOptions,
    private readonly sender: PgBoss,
  ) {}

  static async open(options: QueueOptions): Promise<Queue> {
    // Never started: it only writes the SQL, and looks up each queue's settings once.
    const sender = new PgBoss({ db: { executeSql: (text, values) => once(options, text, values) } });
    return new Queue(options, sender);
  }

  /** Adds a job when `tx` commits; workers hear of it at once. */
  async send<N extends JobName>(tx: Tx, name: N, data: Jobs[N]): Promise<void> {
    await this.sender.send(name, data, { db: fromPrisma(tx), group: { id: groupOf[name](data) } });
  }

  /** The same for several jobs of one queue, in one statement. */
  async sendAll<N extends JobName>(tx: Tx, name: N, all: readonly Jobs[N][]): Promise<void> {
    if (all.length === 0) return;
    const jobs = all.map((data) => ({ data, group: { id: groupOf[name](data) } }));
    await this.sender.insert(name, jobs, { db: fromPrisma(tx) });
  }

  /**
   * Runs the jobs of a queue until `close`. A handler that throws is tried again later, with growing pauses; one that
   * dies with its process is tried again within about 15 s. It may run twice.
   * `signal` aborts when the job is no longer ours (too long without a sign of life) and when we close.
   */
  async work<N extends JobName>(
    name: N,
    { concurrency }: WorkOptions,
    handler: (data: Jobs[N], signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    this.worker ??= startWorker(this.options);
    const boss = await this.worker;
    const ids: string[] = [];
    const options = {
      pollingIntervalSeconds: pollSeconds,
      notifyPollingIntervalSeconds: pollSeconds,
      groupConcurrency: 1,
    };
    for (let n = 0; n < concurrency; n++) {
      const id = await boss.work<Jobs[N]>(name, options, async ([job]) => {
        try {
          if (job) await handler(job.data, job.signal);
        } finally {
          // Without this, whoever waits behind this job, in its group or in the queue, waits for the next poll.
          setImmediate(() => ids.forEach((other) => boss.notifyWorker(other)));
        }
      });
      ids.push(id);
    }
  }

  /** Takes no more jobs, and gives the running ones a while to finish. */
  async close(): Promise<void> {
    const worker = this.worker;
    this.worker = null;
    await (await worker?.catch(() => null))?.stop({ graceful: true, timeout: closeTimeoutMs });
  }
}

async function startWorker({ url, applicationName, onError }: QueueOptions): Promise<PgBoss> {
  const boss = new PgBoss({
    ...{ connectionString: withTakingSettings(url), application_name: `${applicationName}-queue`, max: 2 },
    ...{ migrate: false, schedule: false, useListenNotify: true, reindex: false, monitorVacuum: false },
    // Both: how soon a dead worker's job is noticed after its heartbeat stopped.
    ...{ supervise: true, superviseIntervalSeconds: 3, monitorIntervalSeconds: 3 },
  });
  // Unheard, the event would end the process.
  boss.on('error', (error) => onError?.(error));
  return boss.start();
}

/**
 * How PostgreSQL is to take and end jobs. It reads the index of waiting jobs in its order: without that, statistics of a
 * moment ago, when none waited, make it sort all of them for each that is taken. It does not wait for the disk, which
 * those who send jobs wait for: a server that dies may forget the last moment, and then those jobs run again.
 */
const takingSettings = ['enable_bitmapscan=off', 'enable_seqscan=off', 'enable_sort=off', 'synchronous_commit=off'];

function withTakingSettings(url: string): string {
  const changed = new URL(url);
  const options = [changed.searchParams.get('options') ?? '', ...takingSettings.map((setting) => `-c ${setting}`)];
  changed.searchParams.set('options', options.join(' ').trim());
  return changed.href;
}

/** One statement on a connection of its own. */
function once({ url, applicationName }: QueueOptions, text: string, values?: unknown[]) {
  return withClient(url, `${applicationName}-queue`, (client) => client.query(text, values));
}
