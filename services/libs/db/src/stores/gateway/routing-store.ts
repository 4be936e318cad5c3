import type { Database } from '../../database';

export type ReplicaState = Readonly<{ id: string; state: string; address: string | null; restarts: number }>;

/** One route with all a gateway needs to serve it. */
export type RouteRow = Readonly<{
  tenantId: string;
  tenantSlug: string;
  environmentId: string;
  /** Of a preview; null for production. */
  label: string | null;
  /** Of a preview that asks for its password; null for everything else. */
  passwordHash: string | null;
  functionId: string;
  functionName: string;
  revisionId: string;
  memoryMiB: number;
  timeoutMs: number;
  replicas: readonly ReplicaState[];
}>;

/** A part of the table, and a version that it is at least as new as. */
export type RoutingRead = Readonly<{ version: bigint; rows: readonly RouteRow[] }>;

/** Composite ids as notifications carry them. */
export type RoutingNames = Readonly<{
  functions: readonly Readonly<{ tenantId: string; functionId: string }>[];
  revisions: readonly Readonly<{ tenantId: string; revisionId: string }>[];
  environments: readonly Readonly<{ tenantId: string; environmentId: string }>[];
}>;

/** The route table as gateways read it, of all tenants. */
export class RoutingStore {
  constructor(private readonly db: Database) {}

  /** Every route of a tenant that is not suspended, in environments that are not closed. */
  async readAll(): Promise<RoutingRead> {
    return this.read({ functions: [], revisions: [], environments: [] }, true);
  }

  /** The routes of the named functions and environments, and those that name one of the revisions. */
  async readNamed(names: RoutingNames): Promise<RoutingRead> {
    return this.read(names, false);
  }

  private async read(names: RoutingNames, all: boolean): Promise<RoutingRead> {
    return this.db.cross('routing', async (tx) => {
      // The version first: each statement sees what was committed before it, so the rows are never older than it.
      const [versionRow] = await tx.$queryRaw<{ version: bigint }[]>`select version from routing_version`;
      const rows = await tx.$queryRaw<RouteRow[]>`
        select r.tenant_id as "tenantId", t.slug as "tenantSlug", e.id as "environmentId", e.label,
          e.password_hash as "passwordHash", r.function_id as "functionId", f.name as "functionName",
          r.revision_id as "revisionId", (v.config->>'memoryMiB')::integer as "memoryMiB",
          (v.config->>'timeoutMs')::integer as "timeoutMs",
          coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'state', p.state, 'address', p.address,
              'restarts', p.restarts) order by p.id)
            from replicas p where p.tenant_id = r.tenant_id and p.revision_id = r.revision_id), '[]') as replicas
        from routes r
        join tenants t on t.id = r.tenant_id and t.suspended_at is null and t.deleted_at is null
        join functions f on f.tenant_id = r.tenant_id and f.id = r.function_id
        join environments e on e.tenant_id = r.tenant_id and e.id = r.environment_id and e.closed_at is null
        join revisions v on v.tenant_id = r.tenant_id and v.id = r.revision_id
        where ${all}
          or (r.tenant_id, r.function_id) in (select * from unnest(
            ${names.functions.map((name) => name.tenantId)}::text[], ${names.functions.map((name) => name.functionId)}::text[]))
          or (r.tenant_id, r.revision_id) in (select * from unnest(
            ${names.revisions.map((name) => name.tenantId)}::text[], ${names.revisions.map((name) => name.revisionId)}::text[]))
          or (r.tenant_id, r.environment_id) in (select * from unnest(
            ${names.environments.map((name) => name.tenantId)}::text[],
            ${names.environments.map((name) => name.environmentId)}::text[]))`;
      return { version: versionRow?.version ?? 0n, rows };
    });
  }
}
