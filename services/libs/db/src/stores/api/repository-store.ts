import { writeAudit, type Actor } from '../../audit';
import type { Database, Tx } from '../../database';

export type RepositoryRow = Readonly<{
  id: string;
  name: string;
  /** Null on the built-in remote. */
  fullName: string | null;
  defaultBranch: string | null;
  isPrivate: boolean;
  isArchived: boolean;
  disconnectedAt: Date | null;
  disconnectedReason: string | null;
  /** The column as it is: `RepositorySettings` of the contract, with its defaults left out. */
  settings: unknown;
  productionBranch: string | null;
  createdAt: Date;
  lastRef: string | null;
  lastCommitSha: string;
  lastPushAt: Date;
  pinDeploymentId: string | null;
  pinRootDir: string;
  pinCreatedBy: string | null;
  pinCreatedAt: Date;
}>;
/**
 * `hasHead`: the production branch exists, as far as is known here: of GitHub's branches only those are in the ledger
 * that were planned, so there whoever plans finds out. `disconnectedReason`: GitHub cannot be asked, and nothing is planned.
 */
export type ProductionHead = Readonly<{
  id: string;
  productionBranch: string | null;
  hasHead: boolean;
  isOnGithub: boolean;
  disconnectedReason: string | null;
}>;
type Enqueue = (tx: Tx, repositoryId: string, ref: string) => Promise<void>;

/** Repositories as the console shows them, and asking for their production branch to be deployed. */
export class ConsoleRepositoryStore {
  constructor(private readonly db: Database) {}

  /** By name, each with the ref that moved last and with the pin of its production environment. */
  async list(tenantId: string): Promise<readonly RepositoryRow[]> {
    return this.db.tenant(tenantId, (tx) => listRepositories(tx, null));
  }

  async find(tenantId: string, name: string): Promise<RepositoryRow | null> {
    const [row] = await this.db.tenant(tenantId, (tx) => listRepositories(tx, name));
    return row ?? null;
  }

  /**
   * Replaces the settings of a repository from GitHub, and runs `enqueue` for its production branch, and for every branch
   * and pull request that has a preview, in the same transaction when `isPlanned` says so of the former ones.
   * @param settings as JSON. @returns null when there is no such repository; nothing was done on the built-in remote.
   */
  async saveSettings(
    tenantId: string,
    actor: Actor,
    name: string,
    settings: object,
    isPlanned: (former: unknown) => boolean,
    enqueue: Enqueue,
  ): Promise<RepositoryRow | null> {
    return this.db.tenant(tenantId, async (tx) => {
      await tx.$queryRaw`select 1 from repositories where name = ${name} for update`;
      const [former] = await listRepositories(tx, name);
      if (former === undefined || former.fullName === null) return former ?? null;
      const changed = await tx.$executeRaw`
        update repositories set settings = ${JSON.stringify(settings)}::jsonb
        where id = ${former.id} and settings <> ${JSON.stringify(settings)}::jsonb`;
      const entry = { action: 'repository.configure', target: `repository/${name}` };
      if (changed > 0) await writeAudit(tx, tenantId, actor, entry);
      const { productionBranch, disconnectedAt } = former;
      const canPlan = changed > 0 && productionBranch !== null && disconnectedAt === null;
      const refs = canPlan && isPlanned(former.settings) ? await refsOf(tx, former.id, productionBranch) : [];
      for (const ref of refs) await enqueue(tx, former.id, ref);
      return { ...former, settings };
    });
  }

  /** The id of a repository, or null. */
  async findId(tenantId: string, name: string): Promise<string | null> {
    const [row] = await this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<{ id: string }[]>`select id from repositories where name = ${name}`,
    );
    return row?.id ?? null;
  }

  /**
   * Runs `enqueue` in one transaction with finding the head that it is about.
   * @returns null when there is no such repository; `enqueue` runs only if its production branch exists.
   */
  async withProductionHead(
    tenantId: string,
    actor: Actor,
    name: string,
    enqueue: Enqueue,
  ): Promise<ProductionHead | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const head = await findHead(tx, name);
      if (!head?.hasHead) return head;
      const ref = `refs/heads/${head.productionBranch}`;
      await enqueue(tx, head.id, ref);
      await writeAudit(tx, tenantId, actor, {
        action: 'repository.redeploy',
        target: `repository/${name}`,
        details: { ref },
      });
      return head;
    });
  }

  /**
   * Removes the repository's pins in production and, if there were any, runs `enqueue` in the same transaction.
   * @returns null when there is no such repository; `removed` counts the pins.
   */
  async removePins(
    tenantId: string,
    actor: Actor,
    name: string,
    enqueue: Enqueue,
  ): Promise<(ProductionHead & { removed: number }) | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const head = await findHead(tx, name);
      if (head === null) return null;
      const removed = await tx.$executeRaw`
        delete from pins where repository_id = ${head.id}
          and environment_id in (select id from environments where kind = 'production')`;
      const entry = { action: 'repository.resume', target: `repository/${name}`, details: { pins: removed } };
      if (removed > 0) await writeAudit(tx, tenantId, actor, entry);
      if (removed > 0 && head.hasHead) await enqueue(tx, head.id, `refs/heads/${head.productionBranch}`);
      return { ...head, removed };
    });
  }

  /**
   * Makes an existing branch the one that is deployed. When it was another one, asks for unfinished deployments of others
   * to production to be cancelled, so that none of them is released later, and runs `enqueue` in the same transaction.
   * @returns null when there is no such repository; `productionBranch` is the former one when `branch` does not exist.
   */
  async setProductionBranch(
    tenantId: string,
    actor: Actor,
    name: string,
    { branch, now }: Readonly<{ branch: string; now: Date }>,
    enqueue: Enqueue,
  ): Promise<(ProductionHead & { hasBranch: boolean; isChanged: boolean }) | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const head = await findHead(tx, name);
      if (head === null) return null;
      const ref = `refs/heads/${branch}`;
      if (head.disconnectedReason !== null) return { ...head, hasBranch: false, isChanged: false };
      const [found] = await tx.$queryRaw<unknown[]>`
        select 1 from repository_refs where repository_id = ${head.id} and ref = ${ref}`;
      if (found === undefined && !head.isOnGithub) return { ...head, hasBranch: false, isChanged: false };
      const changed = await tx.$executeRaw`
        update repositories set production_branch = ${branch}
        where id = ${head.id} and production_branch is distinct from ${branch}`;
      if (changed > 0) {
        await tx.$executeRaw`
          update deployments set cancel_requested_at = ${now}
          where repository_id = ${head.id} and ref <> ${ref} and status in ('queued', 'building', 'releasing')
            and environment_id in (select id from environments where kind = 'production')
            and cancel_requested_at is null`;
        await enqueue(tx, head.id, ref);
        if (head.isOnGithub) await exchangePreviews(tx, head, branch, enqueue);
        const details = { from: head.productionBranch, to: branch };
        await writeAudit(tx, tenantId, actor, { action: 'repository.branch', target: `repository/${name}`, details });
      }
      return { ...head, productionBranch: branch, hasHead: true, hasBranch: true, isChanged: changed > 0 };
    });
  }
}

/** The branch that production has now needs no preview any more, and the former one may have one now. */
async function exchangePreviews(tx: Tx, head: ProductionHead, branch: string, enqueue: Enqueue): Promise<void> {
  await tx.$executeRaw`
    update environments set closed_at = now(), closed_reason = ${`The branch ${branch} is production now.`}
    where repository_id = ${head.id} and kind = 'preview' and branch = ${branch} and closed_at is null`;
  if (head.productionBranch !== null) await enqueue(tx, head.id, `refs/heads/${head.productionBranch}`);
}

/** The production branch, and what previews are of as far as it is known; the worker finds the others by itself. */
async function refsOf(tx: Tx, repositoryId: string, productionBranch: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ ref: string }[]>`
    select ref from repository_refs where repository_id = ${repositoryId}
    union select 'refs/pull/' || number || '/head' from pull_requests
      where repository_id = ${repositoryId} and state = 'open'
    order by ref limit 1000`;
  return [...new Set([`refs/heads/${productionBranch}`, ...rows.map(({ ref }) => ref)])];
}

/** All of them by name, or the one of this name. */
async function listRepositories(tx: Tx, name: string | null): Promise<RepositoryRow[]> {
  return tx.$queryRaw<RepositoryRow[]>`
    select r.id, r.name, r.full_name as "fullName", r.default_branch as "defaultBranch", r.is_private as "isPrivate",
           r.is_archived as "isArchived", r.disconnected_at as "disconnectedAt",
           r.disconnected_reason as "disconnectedReason", r.settings,
           r.production_branch as "productionBranch", r.created_at as "createdAt",
           f.ref as "lastRef", f.commit_sha as "lastCommitSha", f.updated_at as "lastPushAt",
           p.deployment_id as "pinDeploymentId", p.root_dir as "pinRootDir", p.name as "pinCreatedBy",
           p.created_at as "pinCreatedAt"
    from repositories r
    left join lateral (
      select x.ref, x.commit_sha, x.updated_at from repository_refs x
      where x.tenant_id = r.tenant_id and x.repository_id = r.id order by x.updated_at desc limit 1) f on true
    left join lateral (
      select x.deployment_id, x.root_dir, x.created_at, u.name from pins x
      join environments e on e.tenant_id = x.tenant_id and e.id = x.environment_id and e.kind = 'production'
      left join users u on u.id = x.created_by
      where x.tenant_id = r.tenant_id and x.repository_id = r.id order by x.root_dir limit 1) p on true
    where ${name}::text is null or r.name = ${name} order by r.name`;
}

async function findHead(tx: Tx, name: string): Promise<ProductionHead | null> {
  const [row] = await tx.$queryRaw<ProductionHead[]>`
    select r.id, r.production_branch as "productionBranch", r.source = 'github' as "isOnGithub",
           case when r.disconnected_at is not null then coalesce(r.disconnected_reason, '') end as "disconnectedReason",
           r.disconnected_at is null and case r.source
             when 'github' then r.production_branch is not null else f.ref is not null end as "hasHead"
    from repositories r
    left join repository_refs f on f.tenant_id = r.tenant_id and f.repository_id = r.id
         and f.ref = 'refs/heads/' || r.production_branch
    where r.name = ${name}`;
  return row ?? null;
}
