import type { Database, Tx } from '../../database';
import { Prisma } from '../../generated/client';

/** Tables of a tenant → the columns that are kept back, because they open something or are raw bytes. */
export const exportedTables = {
  memberships: [],
  repositories: [],
  repository_refs: [],
  pushes: [],
  environments: ['password_hash'],
  variables: [],
  secrets: ['sealed'],
  tokens: ['token_hash'],
  functions: [],
  deployments: [],
  deployment_functions: [],
  revisions: [],
  releases: [],
  pins: [],
  routes: [],
  github_installations: [],
  github_team_roles: [],
  github_deliveries: ['body'],
  github_reports: [],
  pull_requests: [],
  usage_hourly: [],
  receipts: [],
  log_chunks: [],
  audit_log: [],
} as const satisfies Record<string, readonly string[]>;
export type ExportedTable = keyof typeof exportedTables;

/** Tables of a tenant that no export has: what the platform itself is doing at the moment. */
export const leftOutOfExport: readonly string[] = ['activity', 'build_daemons', 'github_comments', 'replicas'];

/** `after` goes on behind the last row; null when there is no further one. */
export type ExportPage = Readonly<{ rows: readonly object[]; after: string | null }>;

/** All that is stored of a tenant, table by table. */
export class TenantExportStore {
  constructor(private readonly db: Database) {}

  /** A page of a table in the order of its key. @param after from the page before. */
  async page(tenantId: string, table: ExportedTable, after: string | null, limit: number): Promise<ExportPage> {
    return this.db.tenant(tenantId, async (tx) => {
      const { columns, key } = await shapeOf(tx, table);
      const hidden: readonly string[] = exportedTables[table];
      const shown = columns.filter((column) => !hidden.includes(column));
      const name = identifier(table);
      const keys = Prisma.join(key.map(identifier));
      const rows = await tx.$queryRaw<{ row: object; place: string }[]>`
        select to_jsonb(t) as row, (select jsonb_object_agg(k, to_jsonb(t) -> k) from unnest(${key}::text[]) k)::text as place
        from (select ${Prisma.join(shown.map(identifier))} from ${name}) t
        where ${after}::jsonb is null
          or (${keys}) > (select ${keys} from jsonb_populate_record(null::${name}, ${after}::jsonb))
        order by ${keys} limit ${limit}`;
      return { rows: rows.map(({ row }) => row), after: rows.length < limit ? null : (rows.at(-1)?.place ?? null) };
    });
  }
}

async function shapeOf(tx: Tx, table: ExportedTable): Promise<{ columns: string[]; key: string[] }> {
  const [shape] = await tx.$queryRaw<{ columns: string[]; key: string[] }[]>`
    select array_agg(a.attname::text order by a.attnum) as columns,
      array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) filter (where a.attnum = any (i.indkey)) as key
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum > 0 and not a.attisdropped
    where i.indrelid = ${`public.${table}`}::regclass and i.indisprimary`;
  return shape!;
}

/** Names of tables and columns come from here and from the catalog, never from a request. */
function identifier(name: string): Prisma.Sql {
  return Prisma.raw(`"${name.replaceAll('"', '""')}"`);
}
