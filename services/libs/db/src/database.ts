import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { type Prisma, PrismaClient } from './generated/client';
import type { Scope } from './scopes';

/** A Prisma client inside one transaction. */
export type Tx = Prisma.TransactionClient;

export type DatabaseOptions = Readonly<{
  url: string;
  /** Shown in pg_stat_activity; the name of the process. */
  applicationName: string;
  /** The most connections at a time; work beyond waits. Idle ones are closed after 30 s. */
  poolSize?: number;
  /** Called before each transaction of tenants' rows; what it throws refuses the transaction. */
  guard?: () => void;
}>;

/** How long work waits for a free connection, and how long one transaction may last. Milliseconds. */
const maxWait = 10_000;
const timeout = 30_000;

/**
 * One process's way into PostgreSQL, with its own role. All work runs in a transaction that says whose rows it may see:
 * row-level security answers "no rows" to everything else, also when a query forgot its tenant.
 */
export class Database {
  private constructor(
    private readonly prisma: PrismaClient,
    private readonly pool: pg.Pool,
    private readonly guard: () => void,
  ) {}

  /** @throws when the server does not answer or refuses the role. */
  static async open({
    url,
    applicationName,
    poolSize = 4,
    guard = () => undefined,
  }: DatabaseOptions): Promise<Database> {
    const pool = new pg.Pool({
      ...{ connectionString: url, application_name: applicationName, max: poolSize },
      ...{ idleTimeoutMillis: 30_000, connectionTimeoutMillis: maxWait },
    });
    // An idle connection that the server closed is replaced by the next query; unheard, the event would end the process.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => void client.on('error', () => undefined)); // also while the pool ends it
    const database = new Database(
      new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: 'minimal' }),
      pool,
      guard,
    );
    try {
      await pool.query('select 1');
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Runs `work` in a transaction that sees and writes the rows of one tenant only. */
  tenant<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    if (tenantId === '') throw new TypeError('A tenant transaction needs a tenant id.');
    return this.transaction({ tenantId, scope: '' }, work);
  }

  /** Runs `work` in a transaction that sees across tenants what the policies allow this role in this scope. */
  cross<T>(scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction({ tenantId: '', scope }, work);
  }

  /** Runs `work` in a transaction that sees tables without a tenant only. */
  plain<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.prisma.$transaction(work, { maxWait, timeout });
  }

  /** Tells all listeners of `channel`; see `channels` in `@wherry/contract` for the payloads. */
  async notify(channel: string, payload: string): Promise<void> {
    await this.pool.query('select pg_notify($1, $2)', [channel, payload]);
  }

  /** Waits for running queries, and ends all connections. */
  async close(): Promise<void> {
    await this.prisma.$disconnect();
    if (!this.pool.ended) await this.pool.end();
  }

  private async transaction<T>(whose: { tenantId: string; scope: string }, work: (tx: Tx) => Promise<T>): Promise<T> {
    this.guard();
    return this.plain(async (tx) => {
      // Local to the transaction: the next user of the connection starts with neither.
      await tx.$queryRaw`select set_config('app.tenant_id', ${whose.tenantId}, true), set_config('app.scope', ${whose.scope}, true)`;
      return work(tx);
    });
  }
}
