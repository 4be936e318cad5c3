import type { DeploymentStatus } from '@wherry/domain';
import type { Database, Tx } from '../../database';
import { Prisma } from '../../generated/client';

export type ReportedFunction = Readonly<{
  name: string;
  status: 'queued' | 'building' | 'built' | 'reused' | 'failed';
  reason: string | null;
  buildMs: number | null;
  /** Its folder below the root directory; null while it is not known. */
  handler: string | null;
}>;

/** A line of the build's log; `functionName` is empty for lines of the whole build. */
export type ReportedLine = Readonly<{ functionName: string; text: string }>;

/** A deployment as GitHub is to be told of it. */
export type ReportedDeployment = Readonly<{
  id: string;
  status: DeploymentStatus;
  reason: string | null;
  /** Whether it was skipped because somebody who may write to the repository has to let it run first. */
  isRefused: boolean;
  rootDir: string;
  ref: string;
  commitSha: string;
  notes: readonly string[];
  createdAtMs: number;
  startedAtMs: number | null;
  finishedAtMs: number | null;
  functions: readonly ReportedFunction[];
}>;

export type ReportedEnvironment = Readonly<{
  id: string;
  isPreview: boolean;
  /** The host label of a preview; production has the tenant's slug. */
  label: string;
  pullRequest: number | null;
  branch: string | null;
  isClosed: boolean;
  closedReason: string | null;
}>;

export type ReportedRepository = Readonly<{
  id: string;
  fullName: string;
  githubId: number;
  installationId: number;
  /** The column as it is: `RepositorySettings` of the contract, with its defaults left out. */
  settings: unknown;
  /** False when it was disconnected, or its installation deleted: GitHub takes nothing more for it. */
  isConnected: boolean;
}>;

/** What GitHub was told last, and under which ids it keeps it. */
export type ToldReport = Readonly<{
  checkRunId: number | null;
  githubDeploymentId: number | null;
  /** The last words of each channel: a JSON object of the reporter. */
  told: Readonly<Record<string, string>>;
  failures: number;
  /** Epoch milliseconds of the first of the failures in a row. */
  failingSinceMs: number | null;
  /** Whether nobody ever tried before: GitHub cannot know of this deployment. */
  isFirst: boolean;
}>;

export type ClaimedReport = Readonly<{
  deployment: ReportedDeployment;
  environment: ReportedEnvironment;
  repository: ReportedRepository;
  report: ToldReport;
  /** Whether the preview that it was in has ended; another one may have been opened in the same place since. */
  isGone: boolean;
  /** Changes whenever there is news; to be put into `told` with whatever is told. */
  phase: string;
  /** What its holder shows to keep it. */
  lease: string;
  /** Of a failed deployment: the last lines of what failed, oldest first. */
  lines: readonly ReportedLine[];
}>;

/** What one attempt came to. */
export type ReportOutcome = Readonly<{
  checkRunId: number | null;
  githubDeploymentId: number | null;
  told: Readonly<Record<string, string>>;
  isSettled: boolean;
  /** Seconds from now until it is looked at again, unless it is settled or there is news before. */
  nextTrySeconds: number;
  /** A failure counts; what `error` says without one, such as why it was given up, stays readable. */
  failure: 'none' | 'counted' | 'kept';
  error: string | null;
}>;

/** The comment of a pull request; `commentId` is null when it is not known whether there is one, or there is none. */
export type ClaimedComment = Readonly<{
  commentId: number | null;
  told: string | null;
  isFirst: boolean;
  /** What to show to renew the lease, and to save. */
  lease: string;
  /** Of each root directory what serves it, or else the newest: oldest root first by name. */
  deployments: readonly ReportedDeployment[];
}>;

export type CommentKey = Readonly<{ repositoryId: string; pullRequest: number; environmentId: string }>;

/** Lines of a failed build that are read. */
const excerptLines = 50;
/** How much is told at a sweep; the rest comes with the next one. */
const sweepLimit = 500;

/** `isGone` of a deployment `d` in the environment `e`. */
const isGone = Prisma.sql`(e.closed_at is not null or coalesce(d.created_at < e.opened_at, false))`;
/** GitHub is told something else when this changes. */
const phase = Prisma.sql`d.status || case when ${isGone} then '/gone' else '' end`;

/** What GitHub was told of deployments. Whoever tells holds a lease, so that nothing is made twice there. */
export class GithubReportStore {
  constructor(private readonly db: Database) {}

  /**
   * Deployments that have to be told: those with news since they were told, and those whose telling failed and is due.
   * News of what ended, or of a preview that was closed or opened, more than a day ago is looked for only where GitHub
   * shows it as live.
   */
  async pending(): Promise<readonly Readonly<{ tenantId: string; deploymentId: string }>[]> {
    return this.db.cross('github', async (tx) => {
      return tx.$queryRaw<{ tenantId: string; deploymentId: string }[]>`
        with looked_at as (
          select tenant_id, deployment_id as id from github_reports where not is_settled and next_try_at <= now()
          union select tenant_id, deployment_id from github_reports where told->>'phase' = 'live'
          union select tenant_id, id from deployments where status = 'live'
          union select tenant_id, id from deployments where status in ('queued', 'building', 'releasing')
          union select tenant_id, id from deployments where finished_at > now() - interval '1 day'
          union select x.tenant_id, x.id from environments n
            join deployments x on x.tenant_id = n.tenant_id and x.repository_id = n.repository_id
              and x.environment_id = n.id
            where greatest(n.closed_at, n.opened_at) > now() - interval '1 day'
        )
        select d.tenant_id as "tenantId", d.id as "deploymentId"
        from looked_at l
        join deployments d on d.tenant_id = l.tenant_id and d.id = l.id
        join repositories r on r.tenant_id = d.tenant_id and r.id = d.repository_id and r.source = 'github'
        join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
        left join github_reports p on p.tenant_id = d.tenant_id and p.deployment_id = d.id
        where (p.lease_until is null or p.lease_until < now())
          and (p.deployment_id is null or (not p.is_settled and p.next_try_at <= now())
            or p.told->>'phase' is distinct from ${phase})
        order by d.created_at limit ${sweepLimit}`;
    });
  }

  /**
   * Takes the lease of a report for so many seconds. Null when there is nothing to tell now: it is not GitHub's, all of
   * it is told, it failed and is not due, or somebody else has the lease.
   */
  async claim(tenantId: string, deploymentId: string, leaseSeconds: number): Promise<ClaimedReport | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await readSubject(tx, tenantId, deploymentId);
      if (!row) return null;
      const [report] = await tx.$queryRaw<ReportRow[]>`
        insert into github_reports as p (tenant_id, deployment_id, lease_until)
        values (${tenantId}, ${deploymentId}, now() + make_interval(secs => ${leaseSeconds}::float8))
        on conflict (tenant_id, deployment_id) do update set lease_until = excluded.lease_until
        where (p.lease_until is null or p.lease_until < now())
          and ((not p.is_settled and p.next_try_at <= now()) or p.told->>'phase' is distinct from ${row.phase})
        returning check_run_id as "checkRunId", github_deployment_id as "githubDeploymentId", told, failures,
          failing_since as "failingSince", xmax = 0 as "isFirst", lease_until::text as lease`;
      if (!report) return null;
      const functions = await readFunctions(tx, tenantId, [deploymentId]);
      const lines = row.status === 'failed' ? await readLines(tx, tenantId, deploymentId) : [];
      return { ...subjectOf(row, functions), report: reportOf(report), lease: report.lease, lines };
    });
  }

  /** Makes the lease last for so many seconds from now. Returns what to show from now on, or null when it was lost. */
  async renew(tenantId: string, deploymentId: string, lease: string, leaseSeconds: number): Promise<string | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<{ lease: string }[]>`
        update github_reports set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds}::float8)
        where tenant_id = ${tenantId} and deployment_id = ${deploymentId} and lease_until = ${lease}::timestamptz
        returning lease_until::text as lease`;
      return row?.lease ?? null;
    });
  }

  /** Records what an attempt came to, and lets go of the lease. False when it was lost: then nothing is recorded. */
  async save(tenantId: string, deploymentId: string, lease: string, outcome: ReportOutcome): Promise<boolean> {
    const { checkRunId, githubDeploymentId, told, isSettled, nextTrySeconds, failure, error } = outcome;
    const saved = await this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`
        update github_reports set check_run_id = ${checkRunId}, github_deployment_id = ${githubDeploymentId},
          told = ${JSON.stringify(told)}::jsonb, is_settled = ${isSettled}, lease_until = null, last_error = ${error},
          failures = case ${failure} when 'none' then 0 when 'counted' then failures + 1 else failures end,
          failing_since = case ${failure} when 'none' then null else coalesce(failing_since, now()) end,
          next_try_at = now() + make_interval(secs => ${nextTrySeconds}::float8), updated_at = now()
        where tenant_id = ${tenantId} and deployment_id = ${deploymentId} and lease_until = ${lease}::timestamptz`,
    );
    return saved > 0;
  }

  /**
   * Takes the lease of a pull request's comment, and reads what it is to show. Null while somebody else has it: what
   * they show may be older, so try again.
   */
  async claimComment(tenantId: string, key: CommentKey, leaseSeconds: number): Promise<ClaimedComment | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<(Omit<ClaimedComment, 'commentId'> & { commentId: bigint | null })[]>`
        insert into github_comments as c (tenant_id, repository_id, pull_request, lease_until)
        select e.tenant_id, e.repository_id, e.pull_request, now() + make_interval(secs => ${leaseSeconds}::float8)
        from environments e where e.tenant_id = ${tenantId} and e.id = ${key.environmentId}
          and e.repository_id = ${key.repositoryId} and e.pull_request = ${key.pullRequest}
        on conflict (tenant_id, repository_id, pull_request) do update set lease_until = excluded.lease_until
        where c.lease_until is null or c.lease_until < now()
        returning comment_id as "commentId", told, xmax = 0 as "isFirst", lease_until::text as lease`;
      if (!row) return null;
      const deployments = await readShown(tx, tenantId, key.environmentId);
      return { ...row, commentId: numberOf(row.commentId), deployments };
    });
  }

  /** As `renew`, for a comment. */
  async renewComment(tenantId: string, key: CommentKey, lease: string, leaseSeconds: number): Promise<string | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<{ lease: string }[]>`
        update github_comments set lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds}::float8)
        where tenant_id = ${tenantId} and repository_id = ${key.repositoryId} and pull_request = ${key.pullRequest}
          and lease_until = ${lease}::timestamptz
        returning lease_until::text as lease`;
      return row?.lease ?? null;
    });
  }

  /** Records the comment and its text, and lets go of the lease. False when it was lost: then nothing is recorded. */
  async saveComment(
    tenantId: string,
    key: CommentKey,
    lease: string,
    comment: Readonly<{ commentId: number | null; told: string | null }>,
  ): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const changed = await tx.$executeRaw`
        update github_comments set comment_id = ${comment.commentId}, told = ${comment.told}, lease_until = null,
          updated_at = now()
        where tenant_id = ${tenantId} and repository_id = ${key.repositoryId} and pull_request = ${key.pullRequest}
          and lease_until = ${lease}::timestamptz`;
      return changed > 0;
    });
  }
}

type DeploymentRow = Omit<
  ReportedDeployment,
  'notes' | 'createdAtMs' | 'startedAtMs' | 'finishedAtMs' | 'functions'
> & { notes: unknown; createdAt: Date; startedAt: Date | null; finishedAt: Date | null };

type SubjectRow = DeploymentRow & {
  environmentId: string;
  isPreview: boolean;
  label: string;
  pullRequest: number | null;
  branch: string | null;
  isClosed: boolean;
  closedReason: string | null;
  repositoryId: string;
  fullName: string;
  githubId: bigint;
  installationId: bigint;
  settings: unknown;
  isConnected: boolean;
  isGone: boolean;
  phase: string;
};

type ReportRow = {
  checkRunId: bigint | null;
  githubDeploymentId: bigint | null;
  told: Record<string, string>;
  failures: number;
  failingSince: Date | null;
  isFirst: boolean;
  lease: string;
};

const deploymentColumns = Prisma.sql`d.id, d.status, d.reason, d.root_dir as "rootDir", d.ref,
  d.commit_sha as "commitSha", coalesce(d.skip_cause = 'outsider', false) as "isRefused", d.notes,
  d.created_at as "createdAt", d.started_at as "startedAt", d.finished_at as "finishedAt"`;

function readSubject(tx: Tx, tenantId: string, deploymentId: string): Promise<SubjectRow[]> {
  return tx.$queryRaw<SubjectRow[]>`
    select ${deploymentColumns},
      e.id as "environmentId", e.kind = 'preview' as "isPreview", coalesce(e.label, t.slug) as label,
      e.pull_request as "pullRequest", e.branch, e.closed_at is not null as "isClosed", e.closed_reason as "closedReason",
      r.id as "repositoryId", r.full_name as "fullName", r.github_id as "githubId",
      r.installation_id as "installationId", r.settings,
      r.disconnected_at is null and coalesce(i.deleted_at is null, false) as "isConnected",
      ${isGone} as "isGone", ${phase} as phase
    from deployments d
    join tenants t on t.id = d.tenant_id
    join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
    join repositories r on r.tenant_id = d.tenant_id and r.id = d.repository_id and r.source = 'github'
    left join github_installations i on i.tenant_id = r.tenant_id and i.id = r.installation_id
    where d.tenant_id = ${tenantId} and d.id = ${deploymentId}`;
}

/** What a pull request's comment shows, since its preview was opened: of each root directory the newest that was not skipped, else the newest. */
async function readShown(tx: Tx, tenantId: string, environmentId: string): Promise<ReportedDeployment[]> {
  const rows = await tx.$queryRaw<DeploymentRow[]>`
    select distinct on (d.root_dir) ${deploymentColumns}
    from deployments d join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
    where d.tenant_id = ${tenantId} and d.environment_id = ${environmentId}
      and d.created_at >= coalesce(e.opened_at, d.created_at)
    order by d.root_dir, d.status = 'skipped', d.created_at desc`;
  const functions = await readFunctions(
    tx,
    tenantId,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => deploymentOf(row, functions));
}

type FunctionRow = ReportedFunction & { deploymentId: string };

function readFunctions(tx: Tx, tenantId: string, deploymentIds: readonly string[]): Promise<FunctionRow[]> {
  return tx.$queryRaw<FunctionRow[]>`
    select deployment_id as "deploymentId", name, status, reason, build_ms as "buildMs", handler
    from deployment_functions
    where tenant_id = ${tenantId} and deployment_id = any(${[...deploymentIds]}) order by name`;
}

/** The last lines of the functions that failed, and of the build as a whole; of all when none of them failed. */
async function readLines(tx: Tx, tenantId: string, deploymentId: string): Promise<ReportedLine[]> {
  const rows = await tx.$queryRaw<{ functionName: string; text: string }[]>`
    with failed as (select name from deployment_functions
      where tenant_id = ${tenantId} and deployment_id = ${deploymentId} and status = 'failed')
    select coalesce(l.v->>2, '') as "functionName", l.v->>3 as text
    from log_chunks c cross join lateral jsonb_array_elements(c.lines) with ordinality as l(v, n)
    where c.tenant_id = ${tenantId} and c.deployment_id = ${deploymentId} and c.source = 'build'
      and (not exists (select from failed) or coalesce(l.v->>2, '') in (select name from failed union select ''))
    order by c.id desc, l.n desc limit ${excerptLines}`;
  return rows.reverse();
}

function subjectOf(
  row: SubjectRow,
  functions: readonly FunctionRow[],
): Omit<ClaimedReport, 'report' | 'lease' | 'lines'> {
  const { isPreview, label, pullRequest, branch, isClosed, closedReason } = row;
  const { fullName, settings, isConnected } = row;
  const ids = { githubId: Number(row.githubId), installationId: Number(row.installationId) };
  return {
    deployment: deploymentOf(row, functions),
    environment: { id: row.environmentId, isPreview, label, pullRequest, branch, isClosed, closedReason },
    repository: { id: row.repositoryId, fullName, ...ids, settings, isConnected },
    isGone: row.isGone,
    phase: row.phase,
  };
}

function deploymentOf(row: DeploymentRow, functions: readonly FunctionRow[]): ReportedDeployment {
  const { id, status, reason, isRefused, rootDir, ref, commitSha } = row;
  const own = functions.filter(({ deploymentId }) => deploymentId === id);
  return {
    ...{ id, status, reason, isRefused, rootDir, ref, commitSha },
    notes: Array.isArray(row.notes) ? row.notes.map(String) : [],
    createdAtMs: row.createdAt.getTime(),
    startedAtMs: row.startedAt?.getTime() ?? null,
    finishedAtMs: row.finishedAt?.getTime() ?? null,
    functions: own.map(({ deploymentId: _, ...each }) => each),
  };
}

function reportOf(row: ReportRow): ToldReport {
  return {
    checkRunId: numberOf(row.checkRunId),
    githubDeploymentId: numberOf(row.githubDeploymentId),
    told: row.told,
    failures: row.failures,
    failingSinceMs: row.failingSince?.getTime() ?? null,
    isFirst: row.isFirst,
  };
}

/** GitHub's ids fit: they are below 2^53. */
function numberOf(id: bigint | null): number | null {
  return id === null ? null : Number(id);
}
