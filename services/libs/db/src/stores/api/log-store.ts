import type { Database } from '../../database';
import { Prisma } from '../../generated/client';

/** Where a line is: its chunk and its number in it, from 1. Text, because chunk ids are 64 bits. */
export type LogPlace = Readonly<{ chunkId: string; line: number }>;
export type LogFilter = Readonly<{
  from?: Date;
  to?: Date;
  text?: string;
  callId?: string;
  stream?: string;
  deploymentId?: string;
}>;
export type LogRow = LogPlace &
  Readonly<{
    atMs: number;
    stream: string;
    /** The call that wrote it, or for build logs the function it is about; empty when neither is known. */
    mark: string;
    text: string;
    deploymentId: string | null;
    revisionId: string | null;
    replicaId: string | null;
  }>;

const columns = Prisma.sql`
  c.id::text as "chunkId", l.n::int as line, (l.v->>0)::float8 as "atMs", l.v->>1 as stream,
  coalesce(l.v->>2, '') as mark, l.v->>3 as text, coalesce(c.deployment_id, v.deployment_id) as "deploymentId",
  c.revision_id as "revisionId", c.replica_id as "replicaId"`;
const tables = Prisma.sql`
  log_chunks c
  left join revisions v on v.tenant_id = c.tenant_id and v.id = c.revision_id
  cross join lateral jsonb_array_elements(c.lines) with ordinality as l(v, n)`;

function matching({ from, to, text, callId, stream, deploymentId }: LogFilter): Prisma.Sql {
  const conditions = [Prisma.sql`true`];
  if (from) {
    conditions.push(
      Prisma.sql`c.last_at >= ${from} and (l.v->>0)::float8 >= ${from.getTime()}::float8`,
      // A chunk may be filed under the day before its last line.
      Prisma.sql`c.day >= (${from}::timestamptz at time zone 'UTC')::date - 1`,
    );
  }
  if (to) conditions.push(Prisma.sql`c.first_at < ${to} and (l.v->>0)::float8 < ${to.getTime()}::float8`);
  if (text !== undefined) conditions.push(Prisma.sql`strpos(lower(l.v->>3), lower(${text}::text)) > 0`);
  if (callId !== undefined) conditions.push(Prisma.sql`l.v->>2 = ${callId}::text`);
  if (stream !== undefined) conditions.push(Prisma.sql`l.v->>1 = ${stream}::text`);
  if (deploymentId !== undefined) conditions.push(Prisma.sql`v.deployment_id = ${deploymentId}::text`);
  return Prisma.join(conditions, ' and ');
}

// The first comparison lets the index find the chunk; the second is exact.
function after({ chunkId, line }: LogPlace): Prisma.Sql {
  return Prisma.sql`c.id >= ${chunkId}::text::bigint and (c.id, l.n) > (${chunkId}::text::bigint, ${line}::bigint)`;
}
function before(place: LogPlace | null): Prisma.Sql {
  if (place === null) return Prisma.sql`true`;
  const { chunkId, line } = place;
  return Prisma.sql`c.id <= ${chunkId}::text::bigint and (c.id, l.n) < (${chunkId}::text::bigint, ${line}::bigint)`;
}

/**
 * Reading logs. A log has one writer, so the ids of its chunks grow in the order in which they are committed, and a
 * reader that goes on after the last line it saw misses none.
 */
export class ConsoleLogStore {
  constructor(private readonly db: Database) {}

  /** The last lines of a function's log that match, newest first, before a place. */
  async functionLinesBefore(
    tenantId: string,
    functionId: string,
    query: { filter: LogFilter; before: LogPlace | null; limit: number },
  ): Promise<readonly LogRow[]> {
    const sql = Prisma.sql`
      select ${columns} from ${tables}
      where c.function_id = ${functionId} and c.source = 'function'
        and ${before(query.before)} and ${matching(query.filter)}
      order by c.id desc, l.n desc limit ${query.limit}`;
    return this.db.tenant(tenantId, (tx) => tx.$queryRaw<LogRow[]>(sql));
  }

  /** The next lines of a function's log that match, oldest first, after a place. */
  async functionLinesAfter(
    tenantId: string,
    functionId: string,
    query: { filter: LogFilter; after: LogPlace; limit: number },
  ): Promise<readonly LogRow[]> {
    const sql = Prisma.sql`
      select ${columns} from ${tables}
      where c.function_id = ${functionId} and c.source = 'function'
        and ${after(query.after)} and ${matching(query.filter)}
      order by c.id, l.n limit ${query.limit}`;
    return this.db.tenant(tenantId, (tx) => tx.$queryRaw<LogRow[]>(sql));
  }

  /** The place after all lines that a function's log has now. */
  async functionLogEnd(tenantId: string, functionId: string): Promise<LogPlace> {
    const [row] = await this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<LogPlace[]>`
        select c.id::text as "chunkId", jsonb_array_length(c.lines)::int as line from log_chunks c
        where c.function_id = ${functionId} and c.source = 'function' order by c.id desc limit 1`,
    );
    return row ?? { chunkId: '0', line: 0 };
  }

  /** The next lines of a deployment's build log, oldest first, after a place. */
  async buildLinesAfter(
    tenantId: string,
    deploymentId: string,
    query: { after: LogPlace; limit: number },
  ): Promise<readonly LogRow[]> {
    const sql = Prisma.sql`
      select ${columns} from ${tables}
      where c.deployment_id = ${deploymentId} and c.source = 'build' and ${after(query.after)}
      order by c.id, l.n limit ${query.limit}`;
    return this.db.tenant(tenantId, (tx) => tx.$queryRaw<LogRow[]>(sql));
  }
}
