import type { Database } from '../../database';
import { nextRoutingVersion } from './release-store';

/** A replica as the engine last reported it. `address` is an `Endpoint` as JSON, or null while it serves nothing. */
export type ReplicaRecord = Readonly<{
  replicaId: string;
  revisionId: string;
  state: 'starting' | 'ready' | 'draining' | 'crashed';
  address: string | null;
  restarts: number;
  reason: string | null;
  startedAtMs: number;
}>;

/** Keeps the table `replicas` equal to what the engine reports. */
export class ReplicaStore {
  constructor(private readonly db: Database) {}

  /**
   * Writes replicas and removes others, in one transaction. A replica that begins to drain gets a new routing version;
   * once every live gateway has acknowledged it, none of them uses the replica any more. Writing the same again changes
   * and notifies nothing. A replica of a revision that is gone is left out.
   * @returns the routing version of each replica that drains, by replica id.
   */
  async mirror(
    tenantId: string,
    replicas: readonly ReplicaRecord[],
    goneIds: readonly string[],
  ): Promise<ReadonlyMap<string, bigint>> {
    return this.db.tenant(tenantId, async (tx) => {
      if (goneIds.length > 0) {
        await tx.$executeRaw`delete from replicas where tenant_id = ${tenantId} and id = any(${[...goneIds]})`;
      }
      if (replicas.length === 0) return new Map();
      const draining = replicas.filter(({ state }) => state === 'draining').map(({ replicaId }) => replicaId);
      const known = await knownDraining(tx, tenantId, draining);
      const version = draining.every((id) => known.has(id)) ? 0n : await nextRoutingVersion(tx);
      await tx.$executeRaw`
        insert into replicas (tenant_id, id, revision_id, state, address, restarts, reason, version, started_at)
        select ${tenantId}, r."replicaId", r."revisionId", r.state, r.address, r.restarts, r.reason,
          case when r.state = 'draining' then ${version} else 0 end, to_timestamp(r."startedAtMs" / 1000)
        from jsonb_to_recordset(${JSON.stringify(replicas)}::jsonb) as r("replicaId" text, "revisionId" text,
          state text, address text, restarts integer, reason text, "startedAtMs" float8)
        where exists (select from revisions v where v.tenant_id = ${tenantId} and v.id = r."revisionId")
        on conflict (tenant_id, id) do update set state = excluded.state, address = excluded.address,
          restarts = excluded.restarts, reason = excluded.reason, started_at = excluded.started_at,
          version = case when excluded.state = 'draining' and replicas.state = 'draining'
            then replicas.version else excluded.version end
        where (replicas.state, replicas.address, replicas.restarts, replicas.reason, replicas.started_at)
          is distinct from
          (excluded.state, excluded.address, excluded.restarts, excluded.reason, excluded.started_at)`;
      return new Map(draining.map((id) => [id, known.get(id) ?? version]));
    });
  }
}

async function knownDraining(
  tx: Parameters<typeof nextRoutingVersion>[0],
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.$queryRaw<{ id: string; version: bigint }[]>`
    select id, version from replicas where tenant_id = ${tenantId} and id = any(${[...ids]}) and state = 'draining'`;
  return new Map(rows.map(({ id, version }) => [id, version]));
}
