import type { RevisionConfig } from '@wherry/domain';
import type { Database, Tx } from '../../database';

export type FunctionRow = Readonly<{
  id: string;
  name: string;
  environment: string;
  repository: string;
  rootDir: string;
  createdAt: Date;
  /** The revision that is routed, or nulls. */
  revisionId: string | null;
  revisionNumber: number;
  revisionDeploymentId: string;
  revisionCreatedAt: Date;
  config: RevisionConfig;
  /** Replicas of that revision by state. */
  ready: number;
  starting: number;
  crashed: number;
  crashReason: string | null;
  /** The newest release of its stack. */
  releaseStatus: string | null;
  releaseReason: string | null;
  invocations: number;
  errors: number;
}>;

export type RevisionRow = Readonly<{
  id: string;
  number: number;
  deploymentId: string;
  commitSha: string;
  commitMessage: string;
  createdAt: Date;
  isServing: boolean;
  artifactDigest: string;
  config: RevisionConfig;
}>;

/** The functions of a tenant as they are now: what is routed, and what runs. */
export class ConsoleFunctionStore {
  constructor(private readonly db: Database) {}

  /** By name, without those that were removed. @param usageSince an hour's start; usage counts from it. */
  async list(tenantId: string, environmentId: string, usageSince: Date): Promise<readonly FunctionRow[]> {
    return this.db.tenant(tenantId, (tx) => select(tx, environmentId, null, usageSince));
  }

  async find(tenantId: string, environmentId: string, name: string, usageSince: Date): Promise<FunctionRow | null> {
    const [row] = await this.db.tenant(tenantId, (tx) => select(tx, environmentId, name, usageSince));
    return row ?? null;
  }

  /** The id of a function that was not removed, or null. */
  async findId(tenantId: string, environmentId: string, name: string): Promise<string | null> {
    const [row] = await this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<{ id: string }[]>`
        select id from functions
        where environment_id = ${environmentId} and name = ${name} and removed_at is null`,
    );
    return row?.id ?? null;
  }

  /** Newest first, those with a number below `before`. */
  async listRevisions(
    tenantId: string,
    functionId: string,
    page: { limit: number; before: number | null },
  ): Promise<readonly RevisionRow[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<RevisionRow[]>`
        select v.id, v.number, v.deployment_id as "deploymentId", d.commit_sha as "commitSha",
               d.commit_message as "commitMessage", v.created_at as "createdAt",
               exists (select from routes o where o.tenant_id = v.tenant_id and o.revision_id = v.id) as "isServing",
               v.artifact_digest as "artifactDigest", v.config
        from revisions v
        join deployments d on d.tenant_id = v.tenant_id and d.id = v.deployment_id
        where v.function_id = ${functionId} and (${page.before}::int is null or v.number < ${page.before}::int)
        order by v.number desc limit ${page.limit}`,
    );
  }
}

function select(tx: Tx, environmentId: string, name: string | null, usageSince: Date): Promise<FunctionRow[]> {
  return tx.$queryRaw<FunctionRow[]>`
    select f.id, f.name, e.name as environment, r.name as repository, f.root_dir as "rootDir",
           f.created_at as "createdAt", v.id as "revisionId", v.number as "revisionNumber",
           v.deployment_id as "revisionDeploymentId", v.created_at as "revisionCreatedAt", v.config,
           p.ready, p.starting, p.crashed, p.reason as "crashReason",
           l.status as "releaseStatus", l.reason as "releaseReason", u.invocations, u.errors
    from functions f
    join environments e on e.tenant_id = f.tenant_id and e.id = f.environment_id
    join repositories r on r.tenant_id = f.tenant_id and r.id = f.repository_id
    left join routes o on o.tenant_id = f.tenant_id and o.function_id = f.id
    left join revisions v on v.tenant_id = o.tenant_id and v.id = o.revision_id
    cross join lateral (
      select count(*) filter (where state = 'ready')::int as ready,
             count(*) filter (where state = 'starting')::int as starting,
             count(*) filter (where state = 'crashed')::int as crashed,
             max(x.reason) filter (where state = 'crashed') as reason
      from replicas x where x.tenant_id = v.tenant_id and x.revision_id = v.id) p
    left join lateral (
      select x.status, x.reason from releases x
      where x.tenant_id = f.tenant_id and x.environment_id = f.environment_id
        and x.repository_id = f.repository_id and x.root_dir = f.root_dir
      order by x.created_at desc limit 1) l on true
    cross join lateral (
      select coalesce(sum(x.invocations), 0)::float8 as invocations, coalesce(sum(x.errors), 0)::float8 as errors
      from usage_hourly x where x.tenant_id = f.tenant_id and x.function_id = f.id and x.hour >= ${usageSince}) u
    where f.environment_id = ${environmentId} and f.removed_at is null and (${name}::text is null or f.name = ${name}::text)
    order by f.name`;
}
