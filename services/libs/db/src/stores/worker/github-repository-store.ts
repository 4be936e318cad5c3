import { githubActor, writeAudit } from '../../audit';
import type { Database } from '../../database';
import { Prisma } from '../../generated/client';
import { disconnectRepositories } from './repository-rows';

/** A repository that is connected, as its webhooks and lists find it. */
export type ConnectedRepository = Readonly<{
  tenantId: string;
  repositoryId: string;
  githubId: number;
  installationId: number;
  fullName: string;
}>;

/** A repository as an installation lists it. */
export type ListedRepository = Readonly<{
  githubId: number;
  fullName: string;
  defaultBranch: string;
  isPrivate: boolean;
  isArchived: boolean;
}>;

export type KnownRepository = ListedRepository &
  Readonly<{
    repositoryId: string;
    name: string;
    installationId: number;
    isConnected: boolean;
    productionBranch: string | null;
    /** The column as it is: `RepositorySettings` of the contract, with its defaults left out. */
    settings: unknown;
    look: string | null;
    /** Epoch milliseconds. */
    lookedAtMs: number | null;
    /** Whether a pull request is open: its end, and pushes to forks, need not show in the list of repositories. */
    hasOpenPulls: boolean;
  }>;

/** `mayPass`: it was skipped for what may pass without another commit, such as a failed check. */
export type LedgerRef = Readonly<{ ref: string; commitSha: string; mayPass: boolean }>;

/** Repositories of tenants on GitHub. Their identity is GitHub's number; their names here never change. */
export class GithubRepositoryStore {
  constructor(private readonly db: Database) {}

  /** Whose connected repository has this number. */
  async findConnected(githubId: number): Promise<ConnectedRepository | null> {
    return this.db.cross('github', async (tx) => {
      const [row] = await tx.$queryRaw<ConnectedRepository[]>`
        select tenant_id as "tenantId", id as "repositoryId", github_id::float8 as "githubId",
          installation_id::float8 as "installationId", full_name as "fullName"
        from repositories where github_id = ${githubId}::bigint and disconnected_at is null`;
      return row ?? null;
    });
  }

  /** All of the tenant's, connected or not. */
  async list(tenantId: string): Promise<KnownRepository[]> {
    return this.db.tenant(tenantId, async (tx) => {
      const rows = await tx.$queryRaw<(Omit<KnownRepository, 'lookedAtMs'> & { lookedAt: Date | null })[]>`
        select r.id as "repositoryId", r.name, r.github_id::float8 as "githubId", r.full_name as "fullName",
          r.installation_id::float8 as "installationId", coalesce(r.default_branch, '') as "defaultBranch",
          r.is_private as "isPrivate", r.is_archived as "isArchived", r.disconnected_at is null as "isConnected",
          r.production_branch as "productionBranch", r.settings, r.look, r.looked_at as "lookedAt",
          exists (select from pull_requests p where p.tenant_id = r.tenant_id and p.repository_id = r.id
            and p.state = 'open') as "hasOpenPulls"
        from repositories r where r.tenant_id = ${tenantId} and r.source = 'github' order by r.id`;
      return rows.map(({ lookedAt, ...row }) => ({ ...row, lookedAtMs: lookedAt?.getTime() ?? null }));
    });
  }

  /**
   * Adds a repository. `disconnected` when it is another tenant's no longer but still connected there, or connected
   * meanwhile; `name` when a repository of this tenant has that name.
   */
  async add(
    tenantId: string,
    added: ListedRepository & Readonly<{ repositoryId: string; name: string; installationId: number }>,
  ): Promise<'added' | 'name taken'> {
    return this.db.tenant(tenantId, async (tx) => {
      const count = await tx.$executeRaw`
        insert into repositories (tenant_id, id, name, source, github_id, installation_id, full_name, default_branch,
          production_branch, is_private, is_archived)
        values (${tenantId}, ${added.repositoryId}, ${added.name}, 'github', ${added.githubId}::bigint,
          ${added.installationId}::bigint, ${added.fullName}, ${added.defaultBranch}, ${added.defaultBranch},
          ${added.isPrivate}, ${added.isArchived})
        on conflict (tenant_id, name) do nothing`;
      if (count === 0) return 'name taken';
      const details = { fullName: added.fullName };
      const entry = { action: 'repository.connect', target: `repository/${added.name}`, details };
      await writeAudit(tx, tenantId, githubActor, entry);
      return 'added';
    });
  }

  /**
   * Makes a known repository what the list says of it, and connects it again. The production branch follows the default
   * branch as long as nobody chose another one.
   */
  async update(tenantId: string, repositoryId: string, installationId: number, seen: ListedRepository): Promise<void> {
    await this.db.tenant(tenantId, async (tx) => {
      const [before] = await tx.$queryRaw<Before[]>`
        select disconnected_at is null as "isConnected", name, full_name as "fullName", production_branch as branch,
          is_private as "isPrivate", is_archived as "isArchived"
        from repositories where tenant_id = ${tenantId} and id = ${repositoryId} for update`;
      if (!before) return;
      const [after] = await tx.$queryRaw<{ branch: string }[]>`
        update repositories set installation_id = ${installationId}::bigint, full_name = ${seen.fullName},
          production_branch = case when production_branch is null or production_branch = default_branch
            then ${seen.defaultBranch} else production_branch end,
          default_branch = ${seen.defaultBranch}, is_private = ${seen.isPrivate}, is_archived = ${seen.isArchived},
          look = case when disconnected_at is null then look end,
          disconnected_at = null, disconnected_reason = null
        where tenant_id = ${tenantId} and id = ${repositoryId} returning production_branch as branch`;
      const target = `repository/${before.name}`;
      if (after && after.branch !== before.branch) {
        const details = { from: before.branch, to: after.branch };
        await writeAudit(tx, tenantId, githubActor, { action: 'repository.branch', target, details });
      }
      if (!before.isConnected) await writeAudit(tx, tenantId, githubActor, { action: 'repository.connect', target });
      else if (before.fullName !== seen.fullName) {
        const details = { from: before.fullName, to: seen.fullName };
        await writeAudit(tx, tenantId, githubActor, { action: 'repository.rename', target, details });
      }
      for (const action of turned(before, seen)) await writeAudit(tx, tenantId, githubActor, { action, target });
    });
  }

  /** Nothing of it is deployed any more until it is connected again; what is live stays. False when it was so before. */
  async disconnect(tenantId: string, repositoryId: string, reason: string): Promise<boolean> {
    const which = Prisma.sql`id = ${repositoryId}`;
    const count = await this.db.tenant(tenantId, (tx) => disconnectRepositories(tx, tenantId, which, reason));
    return count > 0;
  }

  /** Notes that the heads were compared when the list said `look`. */
  async looked(tenantId: string, repositoryId: string, look: string): Promise<void> {
    await this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`
        update repositories set look = ${look}, looked_at = now() where tenant_id = ${tenantId} and id = ${repositoryId}`,
    );
  }

  /**
   * Branches and pull requests whose head, as it was last seen, has no deployment in one of the root directories of the
   * settings: they wait, or were given up. Also those that were skipped a short while ago for what may pass by itself, such
   * as a failed check.
   */
  async waitingRefs(tenantId: string): Promise<Readonly<{ repositoryId: string; ref: string }>[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<{ repositoryId: string; ref: string }[]>`
        select h.repository_id as "repositoryId", h.ref from repository_refs h
        join repositories r on r.tenant_id = h.tenant_id and r.id = h.repository_id and r.source = 'github'
        where h.tenant_id = ${tenantId} and r.disconnected_at is null
          and (h.commit_sha is distinct from (select d.commit_sha from deployments d
            where d.tenant_id = h.tenant_id and d.repository_id = h.repository_id and d.ref = h.ref
            order by d.created_at desc limit 1)
          or exists (select from jsonb_array_elements(coalesce(r.settings -> 'roots', '[{}]')) root
            left join lateral (select d.commit_sha, d.skip_cause, d.finished_at from deployments d
              where d.tenant_id = h.tenant_id and d.repository_id = h.repository_id and d.ref = h.ref
                and d.root_dir = coalesce(root ->> 'dir', '.') order by d.created_at desc limit 1) n on true
            where case when n.commit_sha = h.commit_sha
              then n.skip_cause <> 'nothing there' and n.finished_at > now() - interval '15 minutes'
              else n.skip_cause is distinct from 'nothing there' end)
            -- What has ended with its lease waits for the next commit.
            and exists (select from deployments d join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
              where d.tenant_id = h.tenant_id and d.repository_id = h.repository_id and d.ref = h.ref
                and d.commit_sha = h.commit_sha and e.closed_at is null))
        limit 1000`,
    );
  }

  /** Refs that are deployed as far as is known, so that one that is gone at GitHub is noticed. */
  async refs(tenantId: string, repositoryId: string): Promise<LedgerRef[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<LedgerRef[]>`
        select h.ref, h.commit_sha as "commitSha", exists (select from deployments d
          where d.tenant_id = h.tenant_id and d.repository_id = h.repository_id and d.ref = h.ref
            and d.commit_sha = h.commit_sha and d.skip_cause <> 'nothing there') as "mayPass"
        from repository_refs h where h.tenant_id = ${tenantId} and h.repository_id = ${repositoryId} limit 5000`,
    );
  }

  /** The refs of the deployments of one commit, or of one deployment by its id. */
  async refsOf(tenantId: string, repositoryId: string, commitShaOrId: string): Promise<string[]> {
    return this.db.tenant(tenantId, async (tx) => {
      const rows = await tx.$queryRaw<{ ref: string }[]>`
        select distinct ref from (
          select ref from deployments where tenant_id = ${tenantId} and repository_id = ${repositoryId}
            and (commit_sha = ${commitShaOrId} or id = ${commitShaOrId})
          union select ref from repository_refs where tenant_id = ${tenantId} and repository_id = ${repositoryId}
            and commit_sha = ${commitShaOrId}) x order by 1 limit 20`;
      return rows.map(({ ref }) => ref);
    });
  }
}

type Before = Readonly<{
  isConnected: boolean;
  name: string;
  fullName: string;
  branch: string | null;
  isPrivate: boolean;
  isArchived: boolean;
}>;

/** The actions of what was switched on GitHub: who sees the repository, and whether it is archived. */
function turned(before: Before, seen: ListedRepository): string[] {
  const actions: string[] = [];
  if (before.isPrivate !== seen.isPrivate)
    actions.push(seen.isPrivate ? 'repository.privatize' : 'repository.publicize');
  if (before.isArchived !== seen.isArchived)
    actions.push(seen.isArchived ? 'repository.archive' : 'repository.unarchive');
  return actions;
}
