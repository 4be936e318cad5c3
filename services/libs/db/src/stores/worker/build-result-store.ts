import type { TrustLevel } from '@wherry/domain';
import type { Database, Tx } from '../../database';
import { type BuildRecords, writeRecords } from './build-records';
import { endBuild, removeBuildTokens } from './build-store';
import { lockDeploymentKey } from './deployment-key';

/** One function as the builder made it; `config` is a RevisionConfig, `configHash` its hash. */
export type BuiltFunction = Readonly<{
  name: string;
  inputHash: string;
  artifactDigest: string;
  config: object;
  configHash: string;
  buildMs: number;
  /** Ids to use where the function or the revision is new. */
  newFunctionId: string;
  newRevisionId: string;
}>;

/** What is there already, as far as it decides about the built functions. */
export type ResultState = Readonly<{
  repositoryId: string;
  rootDir: string;
  /** Of the deployment. */
  trust: TrustLevel;
  /** Functions of the environment with the built names, removed ones included; newest first. */
  functions: readonly Readonly<{
    id: string;
    name: string;
    repositoryId: string;
    repositoryName: string;
    rootDir: string;
    isRemoved: boolean;
  }>[];
  /** Revisions of those functions with the built input hashes, newest first. */
  revisions: readonly Readonly<{
    id: string;
    functionId: string;
    inputHash: string;
    artifactDigest: string;
    configHash: string;
    trust: TrustLevel;
  }>[];
  /** What (repository, root directory) serves in the environment now. */
  routes: readonly Readonly<{ functionId: string; revisionId: string; deploymentId: string }>[];
  liveDeploymentId: string | null;
  liveCommitSha: string | null;
  /** The commit that production is pinned to. */
  pinnedCommitSha: string | null;
  /** Whether another release may still change what is served. */
  isReleasing: boolean;
}>;

export type ResultDecision =
  | Readonly<{ kind: 'failed'; reason: string }>
  | Readonly<{
      kind: 'release' | 'skip';
      /** Why it is not released; null for `release`. */
      reason: string | null;
      functions: readonly Readonly<{
        built: BuiltFunction;
        functionId: string;
        isNewFunction: boolean;
        revisionId: string;
        isNewRevision: boolean;
      }>[];
    }>;

export type BuildResult = Readonly<{
  from: number;
  records: BuildRecords;
  functions: readonly BuiltFunction[];
  newReleaseId: string;
}>;

export type ResultOutcome = 'releasing' | 'skipped' | 'failed' | 'not building';

/** How a build ends well: functions, revisions and a release that the controller takes up. */
export class BuildResultStore {
  constructor(private readonly db: Database) {}

  /**
   * Stores the last reports and the result in one transaction, as `decide` says. Runs after every other result or plan
   * of the same (repository, root directory). `not building`: it was ended or stored before; nothing is written.
   */
  async complete(
    tenantId: string,
    deploymentId: string,
    result: BuildResult,
    decide: (state: ResultState) => ResultDecision,
  ): Promise<ResultOutcome> {
    return this.db.tenant(tenantId, async (tx) => {
      const [deployment] = await tx.$queryRaw<DeploymentRow[]>`
        select id, environment_id as "environmentId", repository_id as "repositoryId", root_dir as "rootDir", trust
        from deployments where tenant_id = ${tenantId} and id = ${deploymentId}`;
      if (!deployment) return 'not building';
      await lockDeploymentKey(tx, tenantId, deployment);
      if (!(await writeRecords(tx, tenantId, deploymentId, result.from, result.records))) return 'not building';
      const decision = decide(await readState(tx, tenantId, deployment, result.functions));
      if (decision.kind === 'failed') {
        await endBuild(tx, tenantId, deploymentId, 'failed', decision.reason);
        return 'failed';
      }
      await writeFunctions(tx, tenantId, deployment, decision.functions);
      await removeBuildTokens(tx, tenantId, deploymentId);
      if (decision.kind === 'skip') {
        await finish(tx, tenantId, deploymentId, 'skipped', decision.reason);
        return 'skipped';
      }
      await finish(tx, tenantId, deploymentId, 'releasing', null);
      await tx.$executeRaw`
        insert into releases (tenant_id, id, deployment_id, environment_id, repository_id, root_dir, kind, status, created_at)
        values (${tenantId}, ${result.newReleaseId}, ${deploymentId}, ${deployment.environmentId},
          ${deployment.repositoryId}, ${deployment.rootDir}, 'deploy', 'pending', clock_timestamp())`;
      return 'releasing';
    });
  }
}

type DeploymentRow = Readonly<{
  id: string;
  environmentId: string;
  repositoryId: string;
  rootDir: string;
  trust: TrustLevel;
}>;

async function finish(
  tx: Tx,
  tenantId: string,
  id: string,
  status: 'skipped' | 'releasing',
  reason: string | null,
): Promise<void> {
  await tx.$executeRaw`
    update deployments set status = ${status}, reason = ${reason}, lease_owner = null, lease_until = null,
      finished_at = case when ${status} = 'skipped' then clock_timestamp() end
    where tenant_id = ${tenantId} and id = ${id} and status = 'building'`;
}

async function readState(
  tx: Tx,
  tenantId: string,
  deployment: DeploymentRow,
  built: readonly BuiltFunction[],
): Promise<ResultState> {
  const { environmentId, repositoryId, rootDir, trust } = deployment;
  const names = built.map((each) => each.name);
  const hashes = built.map((each) => each.inputHash);
  const functions = await tx.$queryRaw<ResultState['functions'][number][]>`
    select f.id, f.name, f.repository_id as "repositoryId", r.name as "repositoryName", f.root_dir as "rootDir",
      f.removed_at is not null as "isRemoved"
    from functions f join repositories r on r.tenant_id = f.tenant_id and r.id = f.repository_id
    where f.tenant_id = ${tenantId} and f.environment_id = ${environmentId} and f.name = any(${names})
    order by f.created_at desc`;
  const revisions = await tx.$queryRaw<ResultState['revisions'][number][]>`
    select id, function_id as "functionId", input_hash as "inputHash", artifact_digest as "artifactDigest",
      config_hash as "configHash", trust
    from revisions where tenant_id = ${tenantId} and function_id = any(${functions.map((each) => each.id)})
      and input_hash = any(${hashes})
    order by number desc`;
  const routes = await tx.$queryRaw<ResultState['routes'][number][]>`
    select o.function_id as "functionId", o.revision_id as "revisionId", o.deployment_id as "deploymentId"
    from routes o join functions f on f.tenant_id = o.tenant_id and f.id = o.function_id
    where o.tenant_id = ${tenantId} and f.environment_id = ${environmentId} and f.repository_id = ${repositoryId}
      and f.root_dir = ${rootDir}`;
  const [rest] = await tx.$queryRaw<
    Omit<ResultState, 'functions' | 'revisions' | 'routes' | 'repositoryId' | 'rootDir' | 'trust'>[]
  >`
    select
      l.id as "liveDeploymentId", l.commit_sha as "liveCommitSha", p.commit_sha as "pinnedCommitSha",
      exists (select from releases where tenant_id = ${tenantId} and environment_id = ${environmentId}
        and repository_id = ${repositoryId} and root_dir = ${rootDir} and status in ('pending', 'routed')) as "isReleasing"
    from (select 1) as one
    left join lateral (select id, commit_sha from deployments where tenant_id = ${tenantId}
      and environment_id = ${environmentId} and repository_id = ${repositoryId} and root_dir = ${rootDir}
      and status = 'live' limit 1) l on true
    left join lateral (select d.commit_sha from pins q
      join deployments d on d.tenant_id = q.tenant_id and d.id = q.deployment_id
      where q.tenant_id = ${tenantId} and q.environment_id = ${environmentId} and q.repository_id = ${repositoryId}
        and q.root_dir = ${rootDir}) p on true`;
  if (!rest) throw new Error('A select without a table answered no row.');
  return { repositoryId, rootDir, trust, functions, revisions, routes, ...rest };
}

type Resolved = Extract<ResultDecision, { functions: unknown }>['functions'];

async function writeFunctions(tx: Tx, tenantId: string, deployment: DeploymentRow, all: Resolved): Promise<void> {
  const rows = all.map(({ built, ...ids }) => ({ ...ids, ...built }));
  const json = JSON.stringify(rows);
  await tx.$executeRaw`
    insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir)
    select ${tenantId}, x."functionId", ${deployment.environmentId}, x.name, ${deployment.repositoryId}, ${deployment.rootDir}
    from jsonb_to_recordset(${json}::jsonb) as x("functionId" text, name text, "isNewFunction" boolean)
    where x."isNewFunction"`;
  await tx.$executeRaw`
    update functions set removed_at = null
    where tenant_id = ${tenantId} and id = any(${all.map((each) => each.functionId)}) and removed_at is not null`;
  await tx.$executeRaw`
    insert into revisions (tenant_id, id, function_id, number, deployment_id, input_hash, artifact_digest, config, config_hash, trust)
    select ${tenantId}, x."revisionId", x."functionId",
      1 + coalesce((select max(number) from revisions where tenant_id = ${tenantId} and function_id = x."functionId"), 0),
      ${deployment.id}, x."inputHash", x."artifactDigest", x.config, x."configHash", ${deployment.trust}
    from jsonb_to_recordset(${json}::jsonb) as x("revisionId" text, "functionId" text, "inputHash" text,
      "artifactDigest" text, config jsonb, "configHash" text, "isNewRevision" boolean)
    where x."isNewRevision"`;
  await tx.$executeRaw`
    insert into deployment_functions (tenant_id, deployment_id, name, status, revision_id, build_ms)
    select ${tenantId}, ${deployment.id}, x.name, 'built', x."revisionId", x."buildMs"
    from jsonb_to_recordset(${json}::jsonb) as x(name text, "revisionId" text, "buildMs" integer)
    on conflict (tenant_id, deployment_id, name) do update set revision_id = excluded.revision_id,
      build_ms = excluded.build_ms, reason = null,
      status = case when deployment_functions.status = 'reused' then 'reused' else 'built' end`;
  await tx.$executeRaw`
    insert into usage_hourly (tenant_id, function_id, hour, build_ms)
    select ${tenantId}, x."functionId", date_trunc('hour', now()), x."buildMs"
    from jsonb_to_recordset(${json}::jsonb) as x("functionId" text, "buildMs" bigint)
    where x."buildMs" > 0
    on conflict (tenant_id, function_id, hour) do update set build_ms = usage_hourly.build_ms + excluded.build_ms`;
}
