import { type Actor, githubActor, platformActor, writeAudit } from '../../audit';
import type { Database, Tx } from '../../database';
import { Prisma } from '../../generated/client';
import { closePreview, closePreviews } from './preview-rows';

/** An open pull request as GitHub has it now. */
export type PullRequestFacts = Readonly<{
  number: number;
  title: string;
  headSha: string;
  headRef: string;
  baseRef: string;
  /** Also when the fork is gone. */
  isFork: boolean;
  isDraft: boolean;
  authorLogin: string;
  authorId: number;
}>;

/** Pull requests as far as plans need them, and what maintainers let run. */
export class GithubPullRequestStore {
  constructor(private readonly db: Database) {}

  /**
   * Writes down an open pull request. What was let run lapses with the head that it was given for.
   * @returns the commit that a maintainer let run as trusted, if it still is the head.
   */
  async seen(tenantId: string, repositoryId: string, facts: PullRequestFacts): Promise<{ grantedSha: string | null }> {
    return this.db.tenant(tenantId, async (tx) => {
      const [row] = await tx.$queryRaw<{ grantedSha: string | null }[]>`
        insert into pull_requests as p (tenant_id, repository_id, number, title, head_sha, head_ref, base_ref, is_fork,
          is_draft, author_login, author_id, state)
        values (${tenantId}, ${repositoryId}, ${facts.number}, ${facts.title}, ${facts.headSha}, ${facts.headRef},
          ${facts.baseRef}, ${facts.isFork}, ${facts.isDraft}, ${facts.authorLogin}, ${facts.authorId}::bigint, 'open')
        on conflict (tenant_id, repository_id, number) do update set title = excluded.title,
          head_sha = excluded.head_sha, head_ref = excluded.head_ref, base_ref = excluded.base_ref,
          is_fork = excluded.is_fork, is_draft = excluded.is_draft, author_login = excluded.author_login,
          author_id = excluded.author_id, state = 'open', updated_at = now(),
          granted_sha = case when p.granted_sha = excluded.head_sha then p.granted_sha end,
          granted_by = case when p.granted_sha = excluded.head_sha then p.granted_by end
        returning granted_sha as "grantedSha"`;
      return { grantedSha: row?.grantedSha ?? null };
    });
  }

  /** Lets exactly this commit of an open pull request run as trusted. False when it is not the head that was seen last. */
  async grant(
    tenantId: string,
    repositoryId: string,
    given: Readonly<{ number: number; commitSha: string; by: Actor }>,
  ): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const changed = await tx.$executeRaw`
        update pull_requests set granted_sha = ${given.commitSha}, granted_by = ${given.by.name}, updated_at = now()
        where tenant_id = ${tenantId} and repository_id = ${repositoryId} and number = ${given.number}
          and state = 'open' and head_sha = ${given.commitSha}`;
      if (changed === 0) return false;
      const details = { pullRequest: given.number, commitSha: given.commitSha };
      await writeAudit(tx, tenantId, given.by, {
        action: 'pull_request.grant',
        target: `repository/${repositoryId}`,
        details,
      });
      return true;
    });
  }

  /** Open ones as they were seen last. */
  async listOpen(tenantId: string, repositoryId: string): Promise<Readonly<{ number: number; headSha: string }>[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<{ number: number; headSha: string }[]>`
        select number, head_sha as "headSha" from pull_requests
        where tenant_id = ${tenantId} and repository_id = ${repositoryId} and state = 'open' order by number limit 1000`,
    );
  }

  /**
   * The ref is gone: a branch was deleted, a pull request closed. Its preview is closed, and what was not built yet is
   * not built. The production branch goes on: one wrong answer of GitHub must not stop its build, and a branch that is
   * really gone makes no further ones. May run twice.
   */
  async gone(tenantId: string, repositoryId: string, ref: string): Promise<void> {
    await this.db.tenant(tenantId, async (tx) => {
      const isProduction = Prisma.sql`exists (select from repositories r where r.tenant_id = ${tenantId}
        and r.id = ${repositoryId} and ref = 'refs/heads/' || r.production_branch)`;
      await tx.$executeRaw`
        delete from repository_refs where tenant_id = ${tenantId} and repository_id = ${repositoryId} and ref = ${ref}
          and not ${isProduction}`;
      await tx.$executeRaw`
        update deployments set cancel_requested_at = now()
        where tenant_id = ${tenantId} and repository_id = ${repositoryId} and ref = ${ref} and not ${isProduction}
          and status in ('queued', 'building') and cancel_requested_at is null`;
      await closeOf(tx, tenantId, repositoryId, ref);
    });
  }

  /** Previews of all tenants that are past their time. */
  async expired(): Promise<Readonly<{ tenantId: string; environmentId: string }>[]> {
    return this.db.cross(
      'github',
      (tx) => tx.$queryRaw<{ tenantId: string; environmentId: string }[]>`
        select tenant_id as "tenantId", id as "environmentId" from environments
        where kind = 'preview' and closed_at is null and expires_at < now() order by expires_at limit 1000`,
    );
  }

  /** Closes a preview whose time is over. False when it was closed before, or is wanted for longer. */
  async expire(tenantId: string, environmentId: string): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const reason = 'Nothing was pushed for the days that a preview is kept. The next push opens it again.';
      const which = Prisma.sql`id = ${environmentId} and expires_at < now()`;
      return (await closePreviews(tx, tenantId, which, { by: platformActor, reason })) > 0;
    });
  }
}

const pullRef = /^refs\/pull\/(\d{1,9})\/head$/;

async function closeOf(tx: Tx, tenantId: string, repositoryId: string, ref: string): Promise<void> {
  const number = Number(pullRef.exec(ref)?.[1] ?? Number.NaN);
  if (Number.isNaN(number)) {
    const branch = ref.replace(/^refs\/heads\//, '');
    await closePreview(tx, tenantId, { repositoryId, branch }, byGithub(`The branch ${branch} was deleted.`));
    return;
  }
  await tx.$executeRaw`
    update pull_requests set state = 'closed', granted_sha = null, granted_by = null, updated_at = now()
    where tenant_id = ${tenantId} and repository_id = ${repositoryId} and number = ${number} and state = 'open'`;
  const reason = `Pull request #${number} was closed.`;
  await closePreview(tx, tenantId, { repositoryId, pullRequest: number }, byGithub(reason));
}

function byGithub(reason: string) {
  return { by: githubActor, reason };
}
