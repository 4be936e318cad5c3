import type { DeploymentStatus, TrustLevel } from '@wherry/domain';
import type { Database, Tx } from '../../database';
import { type BuildRecords, writeRecords } from './build-records';
import type { GithubPlace } from './plan-store';
import { insertReadToken, type NewToken } from './read-token';

/** A build that this worker now holds, with all that its order needs. */
export type ClaimedBuild = Readonly<{
  tenantSlug: string;
  tenantNumber: number;
  environmentId: string;
  repositoryId: string;
  repositoryName: string;
  /** Null for a repository on the built-in remote. */
  github: GithubPlace | null;
  rootDir: string;
  commitSha: string;
  trust: TrustLevel;
  /** Builders that ended unexpectedly so far. */
  attempt: number;
  /** Bytes of the builder's events that are in the tables. */
  offset: number;
  isCancelRequested: boolean;
  buildVariables: Readonly<Record<string, string>>;
  runtimeVariables: Readonly<Record<string, string>>;
  /** Null for untrusted code: it is given none, so none is missing. */
  secretNames: readonly string[] | null;
  /** Newest first, each input hash once. */
  known: readonly Readonly<{ inputHash: string; artifactDigest: string }>[];
}>;

export type BuildLease = Readonly<{ owner: string; seconds: number }>;
export type BuildState = Readonly<{ status: DeploymentStatus; isCancelRequested: boolean; isOwner: boolean }>;

/** Rows of a build while it runs. How it ends well is in BuildResultStore. */
export class BuildStore {
  constructor(private readonly db: Database) {}

  /**
   * Takes the build: `building`, with a lease. A lease that ran out, or of the same owner, is taken over. Null when it
   * is finished or another worker has it. One that should be cancelled and was never begun is cancelled here.
   */
  async claim(tenantId: string, id: string, lease: BuildLease, token: NewToken): Promise<ClaimedBuild | null> {
    return this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        update deployments set status = 'cancelled', reason = 'Cancelled before it was built.', finished_at = now()
        where tenant_id = ${tenantId} and id = ${id} and status = 'queued' and cancel_requested_at is not null`;
      const taken = await tx.$executeRaw`
        update deployments set status = 'building', started_at = coalesce(started_at, clock_timestamp()),
          lease_owner = ${lease.owner}, lease_until = now() + make_interval(secs => ${lease.seconds}::float8)
        where tenant_id = ${tenantId} and id = ${id} and status in ('queued', 'building')
          and (lease_until is null or lease_until < now() or lease_owner = ${lease.owner})`;
      if (taken === 0) return null;
      const build = await readClaimed(tx, tenantId, id);
      await insertReadToken(tx, tenantId, build.repositoryId, buildTokenName(id), token);
      return build;
    });
  }

  /**
   * Cancels, when it was asked for, what no worker holds: a build that waits for its turn, or a release that the
   * controller has not routed yet. A build that runs is its worker's to cancel; a routed release is past cancelling.
   */
  async cancelWaiting(tenantId: string, id: string): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const queued = await tx.$executeRaw`
        update deployments set status = 'cancelled', reason = 'Cancelled before it was built.', finished_at = now()
        where tenant_id = ${tenantId} and id = ${id} and status = 'queued' and cancel_requested_at is not null`;
      const pending = await tx.$executeRaw`
        update releases l set status = 'superseded', reason = 'Cancelled.', finished_at = now()
        from deployments d
        where l.tenant_id = ${tenantId} and l.deployment_id = ${id} and l.status = 'pending' and d.tenant_id = l.tenant_id
          and d.id = l.deployment_id and d.status = 'releasing' and d.cancel_requested_at is not null`;
      if (pending > 0) {
        await tx.$executeRaw`
          update deployments set status = 'cancelled', reason = 'Cancelled before it was released.', finished_at = now()
          where tenant_id = ${tenantId} and id = ${id} and status = 'releasing'`;
      }
      return queued + pending > 0;
    });
  }

  /** Prolongs the lease, and tells whether the build should go on. Null when the deployment is not there. */
  async renew(tenantId: string, id: string, lease: BuildLease): Promise<BuildState | null> {
    return this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        update deployments set lease_until = now() + make_interval(secs => ${lease.seconds}::float8)
        where tenant_id = ${tenantId} and id = ${id} and status = 'building' and lease_owner = ${lease.owner}`;
      const [state] = await tx.$queryRaw<BuildState[]>`
        select status, cancel_requested_at is not null as "isCancelRequested",
          coalesce(lease_owner = ${lease.owner}, false) as "isOwner"
        from deployments where tenant_id = ${tenantId} and id = ${id}`;
      return state ?? null;
    });
  }

  /** Gives the lease back, so that another worker can go on with the build at once. */
  async letGo(tenantId: string, id: string, owner: string): Promise<void> {
    await this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        update deployments set lease_owner = null, lease_until = null
        where tenant_id = ${tenantId} and id = ${id} and status = 'building' and lease_owner = ${owner}`;
    });
  }

  /**
   * Stores what the builder reported between `from` and `records.offset`. False, and nothing stored, when the build is
   * no longer building or those bytes were stored before: each byte of events becomes rows once.
   */
  async append(tenantId: string, id: string, from: number, records: BuildRecords): Promise<boolean> {
    return this.db.tenant(tenantId, (tx) => writeRecords(tx, tenantId, id, from, records));
  }

  /** Counts a builder that ended unexpectedly. False when that attempt was counted before, or the build has ended. */
  async countLost(tenantId: string, id: string, attempt: number): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const changed = await tx.$executeRaw`
        update deployments set attempt = attempt + 1
        where tenant_id = ${tenantId} and id = ${id} and status = 'building' and attempt = ${attempt}`;
      return changed > 0;
    });
  }

  /** Ends the build without a result. `records` are the last reports, stored in the same transaction. */
  async end(
    tenantId: string,
    id: string,
    status: 'failed' | 'cancelled',
    reason: string,
    last: Readonly<{ from: number; records: BuildRecords }> | null,
  ): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      if (last && !(await writeRecords(tx, tenantId, id, last.from, last.records))) return false;
      return endBuild(tx, tenantId, id, status, reason);
    });
  }
}

/** The name of the tokens of one build, so that all of them are found when it ends. */
export function buildTokenName(deploymentId: string): string {
  return `build ${deploymentId}`;
}

/** Removes the tokens that a build's orders held. */
export async function removeBuildTokens(tx: Tx, tenantId: string, deploymentId: string): Promise<void> {
  await tx.$executeRaw`
    delete from tokens where tenant_id = ${tenantId} and name = ${buildTokenName(deploymentId)} and created_by is null`;
}

/** Ends a build without a result, in the caller's transaction. False when it had ended before. */
export async function endBuild(
  tx: Tx,
  tenantId: string,
  id: string,
  status: 'failed' | 'cancelled',
  reason: string,
): Promise<boolean> {
  await removeBuildTokens(tx, tenantId, id);
  const changed = await tx.$executeRaw`
    update deployments set status = ${status}, reason = ${reason}, finished_at = clock_timestamp(),
      lease_owner = null, lease_until = null
    where tenant_id = ${tenantId} and id = ${id} and status = 'building'`;
  if (changed === 0) return false;
  await tx.$executeRaw`
    update deployment_functions set status = 'failed', reason = 'It was stopped before it was built.'
    where tenant_id = ${tenantId} and deployment_id = ${id} and status in ('queued', 'building')`;
  return true;
}

type ClaimRow = Omit<
  ClaimedBuild,
  'github' | 'offset' | 'buildVariables' | 'runtimeVariables' | 'secretNames' | 'known'
> & {
  offset: bigint;
  installationId: number | null;
  githubId: number | null;
  fullName: string | null;
  /** Where trusted previews find what they have no own value of, if their repository says so. */
  productionId: string | null;
};

async function readClaimed(tx: Tx, tenantId: string, id: string): Promise<ClaimedBuild> {
  const [row] = await tx.$queryRaw<ClaimRow[]>`
    select t.slug as "tenantSlug", t.number as "tenantNumber", d.environment_id as "environmentId",
      d.repository_id as "repositoryId", r.name as "repositoryName", d.root_dir as "rootDir",
      r.installation_id::float8 as "installationId", r.github_id::float8 as "githubId", r.full_name as "fullName",
      d.commit_sha as "commitSha", d.trust, d.attempt, d.build_offset as "offset",
      d.cancel_requested_at is not null as "isCancelRequested",
      (select p.id from environments p where p.tenant_id = d.tenant_id and p.kind = 'production' and e.kind = 'preview'
        and d.trust = 'trusted' and (r.settings->'previews'->>'productionSecrets')::boolean) as "productionId"
    from deployments d
    join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
    join repositories r on r.tenant_id = d.tenant_id and r.id = d.repository_id
    join tenants t on t.id = d.tenant_id
    where d.tenant_id = ${tenantId} and d.id = ${id}`;
  if (!row) throw new Error(`Deployment ${id} vanished while it was claimed.`);
  const variables = await tx.$queryRaw<{ kind: string; name: string; value: string }[]>`
    select kind, name, value from variables
    where tenant_id = ${tenantId} and environment_id in (${row.environmentId}, ${row.productionId})
    order by environment_id = ${row.environmentId}, name`;
  const secrets = await tx.$queryRaw<{ name: string }[]>`
    select distinct name from secrets
    where tenant_id = ${tenantId} and environment_id in (${row.environmentId}, ${row.productionId}) order by name`;
  const known = await tx.$queryRaw<{ inputHash: string; artifactDigest: string }[]>`
    select distinct on (v.input_hash) v.input_hash as "inputHash", v.artifact_digest as "artifactDigest"
    from revisions v join functions f on f.tenant_id = v.tenant_id and f.id = v.function_id
    where v.tenant_id = ${tenantId} and f.repository_id = ${row.repositoryId} and v.trust = ${row.trust}
    order by v.input_hash, v.created_at desc limit 1000`;
  const { productionId: _, installationId, githubId, fullName, ...build } = row;
  const isOnGithub = installationId !== null && githubId !== null && fullName !== null;
  // The last one of a name is that of the environment itself.
  const ofKind = (kind: string) =>
    Object.fromEntries(variables.filter((each) => each.kind === kind).map((each) => [each.name, each.value]));
  return {
    ...build,
    github: isOnGithub ? { installationId, repositoryId: githubId, fullName } : null,
    offset: Number(row.offset),
    buildVariables: ofKind('build'),
    runtimeVariables: ofKind('runtime'),
    secretNames: row.trust === 'trusted' ? secrets.map((secret) => secret.name) : null,
    known,
  };
}
