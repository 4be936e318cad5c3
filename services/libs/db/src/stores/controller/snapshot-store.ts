import type { RevisionConfig, TrustLevel } from '@wherry/domain';
import type { Database } from '../../database';
import type { Tx } from '../../database';
import { closedText } from './release-store';

/** A revision that a route, a pending release or a replica names, with what its engine must know about its owner. */
export type SnapshotRevision = Readonly<{
  tenantId: string;
  tenantNumber: number;
  trust: TrustLevel;
  /** The tenant is suspended or deleted: nothing of it may run. */
  isSuspended: boolean;
  /** Its environment is a preview that was closed: nothing of it may run. */
  isClosed: boolean;
  revisionId: string;
  functionId: string;
  functionName: string;
  environmentId: string;
  environmentName: string;
  /** Where secrets are found that the environment has no own value of; null where they are found nowhere else. */
  fallbackEnvironmentId: string | null;
  artifactDigest: string;
  config: RevisionConfig;
}>;

/** A release that is pending, with the state of its deployment. */
export type SnapshotRelease = Readonly<{
  tenantId: string;
  releaseId: string;
  deploymentId: string;
  environmentId: string;
  repositoryId: string;
  rootDir: string;
  createdAtMs: number;
  deploymentStatus: string;
  isCancelRequested: boolean;
  /** Why nothing may be released into the environment, as a sentence; null when it is open. */
  closedReason: string | null;
  functions: readonly Readonly<{ name: string; revisionId: string | null }>[];
}>;

export type SnapshotSecret = Readonly<{
  tenantId: string;
  environmentId: string;
  name: string;
  version: number;
  keyId: string;
  sealed: Uint8Array;
}>;

export type SnapshotReplica = Readonly<{
  tenantId: string;
  replicaId: string;
  revisionId: string;
  state: 'starting' | 'ready' | 'draining' | 'crashed';
  address: string | null;
  version: bigint;
  startedAtMs: number;
}>;

/** What the gateways say. Ages are by the database's clock, so that no other clock has to agree with it. */
export type Traffic = Readonly<{
  gateways: readonly Readonly<{ gatewayId: string; acknowledgedVersion: bigint; lastSeenAgeMs: number }>[];
  activity: readonly Readonly<{
    tenantId: string;
    revisionId: string;
    gatewayId: string;
    inFlight: number;
    lastRequestAgeMs: number;
  }>[];
}>;

export type SnapshotRows = Readonly<{
  routes: readonly Readonly<{ tenantId: string; functionId: string; revisionId: string }>[];
  releases: readonly SnapshotRelease[];
  revisions: readonly SnapshotRevision[];
  secrets: readonly SnapshotSecret[];
  replicas: readonly SnapshotReplica[];
  /** Previews that were closed and of which something is left. */
  closed: readonly Readonly<{ tenantId: string; environmentId: string }>[];
  traffic: Traffic;
}>;

/** Reads, across tenants, all that decides what should run. Writes nothing. */
export class SnapshotStore {
  constructor(private readonly db: Database) {}

  async read(): Promise<SnapshotRows> {
    return this.db.cross('reconcile', async (tx) => {
      // Releases come before revisions: a release that appears in between is seen by its own notification.
      const releases = await readReleases(tx);
      const routes = await tx.$queryRaw<SnapshotRows['routes'][number][]>`
        select tenant_id as "tenantId", function_id as "functionId", revision_id as "revisionId" from routes`;
      const replicas = await tx.$queryRaw<SnapshotReplica[]>`
        select tenant_id as "tenantId", id as "replicaId", revision_id as "revisionId", state, address, version,
          (extract(epoch from started_at) * 1000)::float8 as "startedAtMs"
        from replicas`;
      const revisions = await readRevisions(tx);
      const closed = await readClosed(tx);
      const named = revisions.flatMap((revision) => [revision.environmentId, revision.fallbackEnvironmentId ?? []]);
      const environmentIds = [...new Set(named.flat())];
      const secrets = await tx.$queryRaw<SnapshotSecret[]>`
        select tenant_id as "tenantId", environment_id as "environmentId", name, version, key_id as "keyId", sealed
        from secrets where environment_id = any(${environmentIds})`;
      return { routes, releases, revisions, secrets, replicas, closed, traffic: await readTraffic(tx) };
    });
  }

  /** Only what changes with each call: acknowledgements and activity. */
  async readTraffic(): Promise<Traffic> {
    return this.db.cross('reconcile', readTraffic);
  }
}

async function readReleases(tx: Tx): Promise<SnapshotRelease[]> {
  const rows = await tx.$queryRaw<(SnapshotRelease & { isClosed: boolean })[]>`
    select r.tenant_id as "tenantId", r.id as "releaseId", r.deployment_id as "deploymentId",
      r.environment_id as "environmentId", r.repository_id as "repositoryId", r.root_dir as "rootDir",
      (extract(epoch from r.created_at) * 1000)::float8 as "createdAtMs", d.status as "deploymentStatus",
      d.cancel_requested_at is not null as "isCancelRequested",
      e.closed_at is not null as "isClosed", e.closed_reason as "closedReason",
      coalesce((select jsonb_agg(jsonb_build_object('name', f.name, 'revisionId', f.revision_id) order by f.name)
        from deployment_functions f where f.tenant_id = r.tenant_id and f.deployment_id = r.deployment_id), '[]') as functions
    from releases r
    join deployments d on d.tenant_id = r.tenant_id and d.id = r.deployment_id
    join environments e on e.tenant_id = r.tenant_id and e.id = r.environment_id
    where r.status = 'pending'`;
  return rows.map(({ isClosed, ...row }) => ({ ...row, closedReason: isClosed ? closedText(row.closedReason) : null }));
}

/** By what each closed preview may still have; what comes in late is found as well, so that nothing stays. */
function readClosed(tx: Tx): Promise<SnapshotRows['closed'][number][]> {
  return tx.$queryRaw<SnapshotRows['closed'][number][]>`
    select e.tenant_id as "tenantId", e.id as "environmentId" from environments e
    join (
      select tenant_id, environment_id from routes
      union select tenant_id, environment_id from functions where removed_at is null
      union select tenant_id, environment_id from secrets
      union select tenant_id, environment_id from variables
      union select tenant_id, environment_id from releases where status in ('pending', 'routed')
      union select tenant_id, environment_id from deployments
        where status in ('queued', 'building', 'releasing') and (status = 'releasing' or cancel_requested_at is null)
    ) x on x.tenant_id = e.tenant_id and x.environment_id = e.id
    where e.closed_at is not null`;
}

function readRevisions(tx: Tx): Promise<SnapshotRevision[]> {
  return tx.$queryRaw<SnapshotRevision[]>`
    with wanted as (
      select tenant_id, revision_id from routes
      union
      select f.tenant_id, f.revision_id from deployment_functions f
        join releases r on r.tenant_id = f.tenant_id and r.deployment_id = f.deployment_id
        where r.status = 'pending' and f.revision_id is not null
      union
      select tenant_id, revision_id from replicas
    )
    select v.tenant_id as "tenantId", t.number as "tenantNumber",
      (t.suspended_at is not null or t.deleted_at is not null) as "isSuspended",
      e.closed_at is not null as "isClosed", v.id as "revisionId",
      f.id as "functionId", f.name as "functionName", e.id as "environmentId", e.name as "environmentName",
      (select p.id from environments p where p.tenant_id = v.tenant_id and p.kind = 'production' and e.kind = 'preview'
        and v.trust = 'trusted' and (g.settings->'previews'->>'productionSecrets')::boolean) as "fallbackEnvironmentId",
      v.artifact_digest as "artifactDigest", v.trust, v.config
    from wanted w
    join revisions v on v.tenant_id = w.tenant_id and v.id = w.revision_id
    join functions f on f.tenant_id = v.tenant_id and f.id = v.function_id
    join environments e on e.tenant_id = f.tenant_id and e.id = f.environment_id
    join repositories g on g.tenant_id = f.tenant_id and g.id = f.repository_id
    join tenants t on t.id = v.tenant_id`;
}

async function readTraffic(tx: Tx): Promise<Traffic> {
  const gateways = await tx.$queryRaw<Traffic['gateways'][number][]>`
    select id as "gatewayId", acknowledged_version as "acknowledgedVersion",
      (extract(epoch from clock_timestamp() - last_seen_at) * 1000)::float8 as "lastSeenAgeMs"
    from gateways`;
  const activity = await tx.$queryRaw<Traffic['activity'][number][]>`
    select a.tenant_id as "tenantId", a.revision_id as "revisionId", a.gateway_id as "gatewayId",
      a.in_flight as "inFlight",
      (extract(epoch from clock_timestamp() - a.last_request_at) * 1000)::float8 as "lastRequestAgeMs"
    from activity a
    where exists (select from replicas p where p.tenant_id = a.tenant_id and p.revision_id = a.revision_id)`;
  return { gateways, activity };
}
