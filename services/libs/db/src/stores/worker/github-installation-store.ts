import { type AuditEntry, githubActor, writeAudit, writePlatformAudit } from '../../audit';
import type { Database, Tx } from '../../database';
import { Prisma } from '../../generated/client';
import { ofApp } from './of-app';
import { disconnectRepositories } from './repository-rows';

/** An organisation or person on GitHub. `id` stays when `login` changes. */
export type GithubAccount = Readonly<{ id: number; login: string; type: 'Organization' | 'User' }>;

/** An installation as GitHub has it now. */
export type SeenInstallation = Readonly<{
  id: number;
  /** The App that it is of, which is the one that sees it. */
  appId: number;
  account: GithubAccount;
  selection: 'all' | 'selected';
  permissions: Readonly<Record<string, string>>;
  isSuspended: boolean;
}>;

export type KnownInstallation = Readonly<{ tenantId: string; id: number }>;

/** Ids and the slug of a tenant to be made. */
export type NewTenant = Readonly<{ tenantId: string; slug: string; environmentId: string }>;

/** What has become of a tenant's installation, as far as it decides what is done with its repositories. */
export type InstallationState = Readonly<{ isSuspended: boolean; isDeleted: boolean }>;

/** Installations of the App, the tenants that their accounts are, and what stops and goes on with them. */
export class GithubInstallationStore {
  constructor(private readonly db: Database) {}

  /** All of that App that are not known to be deleted. */
  async list(appId: number): Promise<KnownInstallation[]> {
    return this.db.cross(
      'github',
      (tx) => tx.$queryRaw<KnownInstallation[]>`
        select tenant_id as "tenantId", id::float8 as id from github_installations
        where deleted_at is null and ${ofApp(appId)} order by id`,
    );
  }

  /** Whose an installation is, deleted ones included. */
  async tenantOfInstallation(id: number): Promise<string | null> {
    return this.db.cross('github', async (tx) => {
      const [row] = await tx.$queryRaw<{ tenantId: string }[]>`
        select tenant_id as "tenantId" from github_installations where id = ${id}::bigint`;
      return row?.tenantId ?? null;
    });
  }

  /** The tenant that an account is; `isEnded` when it was deleted and must not come back by itself. */
  async tenantOfAccount(accountId: number): Promise<{ tenantId: string; isEnded: boolean } | null> {
    return this.db.cross('github', async (tx) => {
      const [row] = await tx.$queryRaw<{ tenantId: string; isEnded: boolean }[]>`
        select id as "tenantId", deleted_at is not null as "isEnded" from tenants
        where github_account_id = ${accountId}::bigint`;
      return row ?? null;
    });
  }

  /** Makes the tenant of an account, with its production environment. False when the slug or the account is taken. */
  async createTenant(account: GithubAccount, made: NewTenant): Promise<boolean> {
    return this.db.cross('github', async (tx) => {
      const count = await tx.$executeRaw`
        insert into tenants (id, slug, name, github_account_id, github_account_type, github_login)
        values (${made.tenantId}, ${made.slug}, ${account.login}, ${account.id}::bigint, ${account.type}, ${account.login})
        on conflict do nothing`;
      if (count === 0) return false;
      await tx.$executeRaw`
        insert into environments (tenant_id, id, name, kind)
        values (${made.tenantId}, ${made.environmentId}, 'production', 'production')`;
      const details = { id: made.tenantId, account: account.login };
      await writePlatformAudit(tx, githubActor, { action: 'tenant.create', target: `tenant/${made.slug}`, details });
      return true;
    });
  }

  /**
   * Writes down what GitHub says of an installation. A suspended one stops its tenant, and one that is there lets it go
   * on, unless the operator has stopped it. A former installation of the same account is over.
   */
  async record(tenantId: string, seen: SeenInstallation): Promise<void> {
    const { id, account } = seen;
    await this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`
        update github_installations set deleted_at = now()
        where tenant_id = ${tenantId} and id <> ${id}::bigint and deleted_at is null`;
      // What could not be read may be read now.
      await tx.$executeRaw`
        update repositories set look = null
        where tenant_id = ${tenantId} and source = 'github' and installation_id = ${id}::bigint and exists (
          select from github_installations where tenant_id = ${tenantId} and id = ${id}::bigint
            and permissions is distinct from ${JSON.stringify(seen.permissions)}::jsonb)`;
      const added = await tx.$queryRaw<{ isNew: boolean }[]>`
        insert into github_installations (tenant_id, id, app_id, account_id, repository_selection, permissions, suspended_at)
        values (${tenantId}, ${id}::bigint, ${seen.appId}::bigint, ${account.id}::bigint, ${seen.selection},
          ${JSON.stringify(seen.permissions)}::jsonb, case when ${seen.isSuspended} then now() end)
        on conflict (tenant_id, id) do update set repository_selection = excluded.repository_selection,
          permissions = excluded.permissions, app_id = excluded.app_id, deleted_at = null,
          suspended_at = case when ${seen.isSuspended} then coalesce(github_installations.suspended_at, now()) end
        returning xmax = 0 as "isNew"`;
      await tx.$executeRaw`
        update tenants set github_login = ${account.login}, github_account_type = ${account.type},
          name = case when name = github_login then ${account.login} else name end
        where id = ${tenantId} and (github_login, github_account_type) is distinct from (${account.login}, ${account.type})`;
      if (added[0]?.isNew) await audit(tx, tenantId, 'installation.add', account.login);
      if (seen.isSuspended) await stop(tx, tenantId, 'The installation of the GitHub App was suspended.');
      else await goOn(tx, tenantId);
    });
  }

  /**
   * Writes down that this App's installation is gone: its tenant stops. False when that was known, and when the installation
   * is another App's, which only that App can say anything about.
   */
  async end(tenantId: string, id: number, appId: number): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const ended = await tx.$executeRaw`
        update github_installations set deleted_at = now()
        where tenant_id = ${tenantId} and id = ${id}::bigint and deleted_at is null and ${ofApp(appId)}`;
      if (ended === 0) return false;
      await audit(tx, tenantId, 'installation.remove', String(id));
      const reason = 'The GitHub App was uninstalled. Install it again to connect the repository.';
      await disconnectRepositories(tx, tenantId, Prisma.sql`installation_id = ${id}::bigint`, reason);
      const [other] = await tx.$queryRaw<{ id: number }[]>`
        select 1 as id from github_installations where tenant_id = ${tenantId} and deleted_at is null limit 1`;
      if (!other) await stop(tx, tenantId, 'The GitHub App was uninstalled.');
      return true;
    });
  }
}

function audit(tx: Tx, tenantId: string, action: string, target: string, details: AuditEntry['details'] = {}) {
  return writeAudit(tx, tenantId, githubActor, { action, target: `installation/${target}`, details });
}

async function stop(tx: Tx, tenantId: string, reason: string): Promise<void> {
  const stopped = await tx.$executeRaw`
    update tenants set suspended_at = now(), suspended_by = 'github' where id = ${tenantId} and suspended_at is null`;
  if (stopped > 0)
    await writeAudit(tx, tenantId, githubActor, { action: 'tenant.suspend', target: 'tenant', details: { reason } });
}

async function goOn(tx: Tx, tenantId: string): Promise<void> {
  const resumed = await tx.$executeRaw`
    update tenants set suspended_at = null, suspended_by = null
    where id = ${tenantId} and suspended_at is not null and suspended_by = 'github'`;
  if (resumed === 0) return;
  await writeAudit(tx, tenantId, githubActor, { action: 'tenant.resume', target: 'tenant' });
  // What was pushed meanwhile is looked for.
  await tx.$executeRaw`update repositories set look = null where tenant_id = ${tenantId} and source = 'github'`;
}
