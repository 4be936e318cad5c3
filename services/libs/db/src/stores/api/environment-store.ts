import type { DeploymentStatus, TrustLevel } from '@wherry/domain';
import { writeAudit, type Actor } from '../../audit';
import type { Database, Tx } from '../../database';

/** An environment that is not closed. `label`: the host label of a preview; null for production. */
export type EnvironmentRow = Readonly<{ id: string; name: string; label: string | null }>;

/** A preview that is not closed, with its newest deployment. */
export type PreviewRow = Readonly<{
  id: string;
  name: string;
  label: string;
  repository: string;
  pullRequest: number | null;
  /** Null as long as nothing is known of the pull request. */
  pullRequestTitle: string | null;
  branch: string | null;
  expiresAt: Date | null;
  hasPassword: boolean;
  createdAt: Date;
  /** Null while nothing was deployed; then so are the fields after it. */
  deploymentId: string | null;
  deploymentStatus: DeploymentStatus;
  deploymentReason: string | null;
  deploymentTrust: TrustLevel;
  deploymentCreatedAt: Date;
  commitSha: string;
  commitMessage: string;
  author: string;
}>;

/** The environments of a tenant: production, and previews, which people end, prolong and protect. */
export class ConsoleEnvironmentStore {
  constructor(private readonly db: Database) {}

  /** Null when there is none of this name, or it is closed. */
  async find(tenantId: string, name: string): Promise<EnvironmentRow | null> {
    const [row] = await this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<EnvironmentRow[]>`
        select id, name, label from environments where name = ${name} and closed_at is null`,
    );
    return row ?? null;
  }

  /** Those that were deployed last first. */
  async listPreviews(tenantId: string): Promise<readonly PreviewRow[]> {
    return this.db.tenant(tenantId, (tx) => select(tx, null));
  }

  /** Closes a preview; the controller takes away what is in it. @returns false when there is none that is open. */
  async endPreview(tenantId: string, actor: Actor, id: string, now: Date): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const [closed] = await tx.$queryRaw<{ name: string }[]>`
        update environments set closed_at = ${now}, closed_reason = ${`${actor.name} ended it.`}
        where id = ${id} and kind = 'preview' and closed_at is null returning name`;
      if (closed === undefined) return false;
      await writeAudit(tx, tenantId, actor, { action: 'preview.end', target: `preview/${closed.name}` });
      return true;
    });
  }

  /** @returns the preview, or null when there is none that is open. */
  async prolongPreview(tenantId: string, actor: Actor, id: string, expiresAt: Date): Promise<PreviewRow | null> {
    return this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        update environments set expires_at = ${expiresAt} where id = ${id} and kind = 'preview' and closed_at is null`;
      const [row] = await select(tx, id);
      if (row === undefined) return null;
      const details = { leaseEndsAt: expiresAt.toISOString() };
      await writeAudit(tx, tenantId, actor, { action: 'preview.prolong', target: `preview/${row.name}`, details });
      return row;
    });
  }

  /** @param hash of the password from now on; null for none. @returns the preview, or null when there is none that is open. */
  async setPassword(tenantId: string, actor: Actor, id: string, hash: string | null): Promise<PreviewRow | null> {
    return this.db.tenant(tenantId, async (tx) => {
      const changed = await tx.$executeRaw`
        update environments set password_hash = ${hash}
        where id = ${id} and kind = 'preview' and closed_at is null and password_hash is distinct from ${hash}`;
      const [row] = await select(tx, id);
      if (row === undefined) return null;
      const action = hash === null ? 'preview.remove_password' : 'preview.set_password';
      if (changed > 0) await writeAudit(tx, tenantId, actor, { action, target: `preview/${row.name}` });
      return row;
    });
  }
}

function select(tx: Tx, id: string | null): Promise<PreviewRow[]> {
  return tx.$queryRaw<PreviewRow[]>`
    select e.id, e.name, e.label, r.name as repository, e.pull_request as "pullRequest",
      p.title as "pullRequestTitle", e.branch, e.expires_at as "expiresAt", e.password_hash is not null as "hasPassword",
      e.created_at as "createdAt", d.id as "deploymentId", d.status as "deploymentStatus",
      d.reason as "deploymentReason", d.trust as "deploymentTrust", d.created_at as "deploymentCreatedAt",
      d.commit_sha as "commitSha", d.commit_message as "commitMessage", d.author
    from environments e
    join repositories r on r.tenant_id = e.tenant_id and r.id = e.repository_id
    left join pull_requests p on p.tenant_id = e.tenant_id and p.repository_id = e.repository_id and p.number = e.pull_request
    left join lateral (
      select * from deployments x where x.tenant_id = e.tenant_id and x.environment_id = e.id
      order by x.created_at desc, x.id desc limit 1) d on true
    where e.kind = 'preview' and e.closed_at is null and (${id}::text is null or e.id = ${id}::text)
    order by coalesce(d.created_at, e.created_at) desc, e.id`;
}
