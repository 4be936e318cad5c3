import type { Database, Tx } from '../../database';

export type GitRepository = Readonly<{
  tenantId: string;
  id: string;
  name: string;
  productionBranch: string | null;
  /** Branches and tags in the ledger. */
  refCount: number;
}>;

export type IntendedUpdate = Readonly<{ pushId: string; ref: string; oldSha: string; newSha: string }>;

/** What the bare repository holds now, to be agreed with the ledger. */
export type SeenRefs = Readonly<{
  repositoryId: string;
  /** Full ref name → object name. */
  refs: ReadonlyMap<string, string>;
  /** The refs that were looked at, in the order of the push; null when `refs` is complete. */
  only: readonly string[] | null;
  /** What becomes of an intended update whose ref did not get there. */
  missed: 'refused' | 'void';
}>;

export type Settled = Readonly<{
  productionBranch: string | null;
  /** Refs whose ledger entry changed. */
  changed: readonly string[];
  /** Whether a plan job was queued. */
  isPlanned: boolean;
}>;

/** A tenant has as many repositories as it may have. */
export class TooManyRepositoriesError extends Error {
  override name = 'TooManyRepositoriesError';
}

/** A repository of that name is deployed from GitHub. */
export class RepositoryOnGithubError extends Error {
  override name = 'RepositoryOnGithubError';
}

type RepositoryRow = {
  tenant_id: string;
  id: string;
  name: string;
  production_branch: string | null;
  ref_count: number;
};
type PushRow = { id: string; ref: string; new_sha: string };

const zeroSha = '0'.repeat(40);

/** Repositories of the built-in remote, and the ledger of their refs. */
export class RefStore {
  /**
   * @param plan queues the plan of a production branch in the given transaction.
   * @param chooseProduction picks the branch that becomes production out of full ref names, or null.
   */
  constructor(
    private readonly db: Database,
    private readonly plan: (tx: Tx, job: { tenantId: string; repositoryId: string; ref: string }) => Promise<void>,
    private readonly chooseProduction: (refs: readonly string[]) => string | null,
  ) {}

  async find(tenantId: string, name: string): Promise<GitRepository | null> {
    return this.db.tenant(tenantId, (tx) => findByName(tx, tenantId, name));
  }

  /**
   * Writes down what a push is about to do, before any ref moves; makes the repository when this is its first push.
   * `startedAt` is the database's time.
   * @param newId the id a new repository gets.
   * @throws TooManyRepositoriesError when the repository is new and the tenant already has `maxRepositories`.
   */
  async begin(
    tenantId: string,
    repository: Readonly<{ name: string; newId: string; maxRepositories: number }>,
    updates: readonly IntendedUpdate[],
  ): Promise<{ repository: GitRepository; startedAt: Date }> {
    return this.db.tenant(tenantId, async (tx) => {
      const found = (await findByName(tx, tenantId, repository.name)) ?? (await insert(tx, tenantId, repository));
      const rows = JSON.stringify(updates);
      const [time] = await tx.$queryRaw<{ now: Date }[]>`
        with added as (
          insert into pushes (tenant_id, id, repository_id, ref, old_sha, new_sha, status)
          select ${tenantId}, u."pushId", ${found.id}, u.ref, u."oldSha", u."newSha", 'intended'
          from jsonb_to_recordset(${rows}::jsonb) as u ("pushId" text, ref text, "oldSha" text, "newSha" text)
        ) select now() as now`;
      if (time === undefined) throw new Error('The database did not tell its time.');
      return { repository: found, startedAt: time.now };
    });
  }

  /**
   * Makes the ledger agree with the bare repository, in one transaction: settles intended updates, chooses the
   * production branch when there is none, and queues a plan when production moved. May run twice. The caller makes sure
   * that no push to this repository is under way.
   */
  async settle(tenantId: string, seen: SeenRefs): Promise<Settled> {
    const { repositoryId } = seen;
    return this.db.tenant(tenantId, async (tx) => {
      const landed = await settleIntended(tx, tenantId, seen);
      const changed = await updateLedger(tx, tenantId, seen);
      const rows = await tx.$queryRaw<{ production_branch: string | null }[]>`
        select production_branch from repositories where tenant_id = ${tenantId} and id = ${repositoryId}`;
      let productionBranch = rows[0]?.production_branch ?? null;
      if (productionBranch === null) {
        productionBranch = this.chooseProduction([...landed, ...seen.refs.keys()].filter((ref) => seen.refs.has(ref)));
        if (productionBranch !== null) {
          await tx.$executeRaw`update repositories set production_branch = ${productionBranch}
            where tenant_id = ${tenantId} and id = ${repositoryId} and production_branch is null`;
        }
      }
      const ref = productionBranch === null ? null : `refs/heads/${productionBranch}`;
      const isPlanned = ref !== null && changed.includes(ref) && seen.refs.has(ref);
      if (isPlanned) await this.plan(tx, { tenantId, repositoryId, ref });
      return { productionBranch, changed, isPlanned };
    });
  }

  /** Of these tenants, those of which no row is left. Crosses tenants, for what is on disk. */
  async listGone(tenantIds: readonly string[]): Promise<readonly string[]> {
    const rows = await this.db.cross(
      'refs',
      (tx) => tx.$queryRaw<{ id: string }[]>`
        select id from tenants where id = any (${[...tenantIds]}) and purged_at is not null`,
    );
    return rows.map(({ id }) => id);
  }

  /** Every repository with its ledger and whether updates are intended. Crosses tenants, for the comparison. */
  async listLedgers(): Promise<(GitRepository & { refs: ReadonlyMap<string, string>; hasIntended: boolean })[]> {
    type Row = Omit<RepositoryRow, 'ref_count'> & { refs: Record<string, string> | null; has_intended: boolean };
    const rows = await this.db.cross(
      'refs',
      (tx) => tx.$queryRaw<Row[]>`
        select r.tenant_id, r.id, r.name, r.production_branch,
          (select jsonb_object_agg(l.ref, l.commit_sha) from repository_refs l
            where l.tenant_id = r.tenant_id and l.repository_id = r.id) as refs,
          exists (select from pushes p where p.tenant_id = r.tenant_id and p.repository_id = r.id
            and p.status = 'intended') as has_intended
        from repositories r where r.source = 'builtin'`,
    );
    return rows.map((row) => ({
      ...toRepository({ ...row, ref_count: Object.keys(row.refs ?? {}).length }),
      refs: new Map(Object.entries(row.refs ?? {})),
      hasIntended: row.has_intended,
    }));
  }
}

async function findByName(tx: Tx, tenantId: string, name: string): Promise<GitRepository | null> {
  const rows = await tx.$queryRaw<RepositoryRow[]>`
    select r.tenant_id, r.id, r.name, r.production_branch,
      (select count(*)::int from repository_refs l where l.tenant_id = r.tenant_id and l.repository_id = r.id) as ref_count
    from repositories r where r.tenant_id = ${tenantId} and r.name = ${name} and r.source = 'builtin'`;
  return rows[0] === undefined ? null : toRepository(rows[0]);
}

async function insert(
  tx: Tx,
  tenantId: string,
  repository: Readonly<{ name: string; newId: string; maxRepositories: number }>,
): Promise<GitRepository> {
  const rows = await tx.$queryRaw<RepositoryRow[]>`
    insert into repositories (tenant_id, id, name)
    select ${tenantId}, ${repository.newId}, ${repository.name}
    where (select count(*) from repositories where tenant_id = ${tenantId}) < ${repository.maxRepositories}
    on conflict (tenant_id, name) do nothing
    returning tenant_id, id, name, production_branch, 0 as ref_count`;
  const found = rows[0] === undefined ? await findByName(tx, tenantId, repository.name) : toRepository(rows[0]);
  if (found === null && (await isOnGithub(tx, tenantId, repository.name)))
    throw new RepositoryOnGithubError(`The repository ${repository.name} is deployed from GitHub.`);
  if (found === null) throw new TooManyRepositoriesError(`The tenant already has ${repository.maxRepositories}.`);
  return found;
}

async function isOnGithub(tx: Tx, tenantId: string, name: string): Promise<boolean> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    select id from repositories where tenant_id = ${tenantId} and name = ${name} and source = 'github'`;
  return rows.length > 0;
}

/** Gives the refs of the updates that landed, in the order of the push. */
async function settleIntended(tx: Tx, tenantId: string, seen: SeenRefs): Promise<string[]> {
  const { repositoryId } = seen;
  const pending = await tx.$queryRaw<PushRow[]>`
    select id, ref, new_sha from pushes
    where tenant_id = ${tenantId} and repository_id = ${repositoryId} and status = 'intended'
    order by created_at, id`;
  const looked = pending.filter(({ ref }) => seen.only === null || seen.only.includes(ref));
  if (looked.length === 0) return [];
  const outcomes = looked.map(({ id, ref, new_sha }) => {
    const isThere = (seen.refs.get(ref) ?? zeroSha) === new_sha;
    return { id, ref, status: isThere ? 'landed' : seen.missed };
  });
  await tx.$executeRaw`
    update pushes p set status = o.status, finished_at = now()
    from jsonb_to_recordset(${JSON.stringify(outcomes)}::jsonb) as o (id text, status text)
    where p.tenant_id = ${tenantId} and p.id = o.id and p.status = 'intended'`;
  const order = seen.only ?? looked.map(({ ref }) => ref);
  const landed = new Set(outcomes.filter(({ status }) => status === 'landed').map(({ ref }) => ref));
  return order.filter((ref) => landed.has(ref));
}

async function updateLedger(tx: Tx, tenantId: string, seen: SeenRefs): Promise<string[]> {
  const { repositoryId } = seen;
  const known = await tx.$queryRaw<{ ref: string; commit_sha: string }[]>`
    select ref, commit_sha from repository_refs where tenant_id = ${tenantId} and repository_id = ${repositoryId}`;
  const ledger = new Map(known.map(({ ref, commit_sha }) => [ref, commit_sha]));
  const looked = (ref: string): boolean => seen.only === null || seen.only.includes(ref);
  const moved = [...seen.refs].filter(([ref, sha]) => looked(ref) && ledger.get(ref) !== sha);
  const gone = [...ledger.keys()].filter((ref) => looked(ref) && !seen.refs.has(ref));
  if (moved.length > 0) {
    const rows = JSON.stringify(moved.map(([ref, sha]) => ({ ref, sha })));
    await tx.$executeRaw`
      insert into repository_refs (tenant_id, repository_id, ref, commit_sha)
      select ${tenantId}, ${repositoryId}, m.ref, m.sha from jsonb_to_recordset(${rows}::jsonb) as m (ref text, sha text)
      on conflict (tenant_id, repository_id, ref) do update set commit_sha = excluded.commit_sha, updated_at = now()`;
  }
  if (gone.length > 0) {
    await tx.$executeRaw`
      delete from repository_refs where tenant_id = ${tenantId} and repository_id = ${repositoryId}
        and ref in (select jsonb_array_elements_text(${JSON.stringify(gone)}::jsonb))`;
  }
  return [...moved.map(([ref]) => ref), ...gone];
}

function toRepository(row: RepositoryRow): GitRepository {
  const { tenant_id, id, name, production_branch, ref_count } = row;
  return { tenantId: tenant_id, id, name, productionBranch: production_branch, refCount: ref_count };
}
