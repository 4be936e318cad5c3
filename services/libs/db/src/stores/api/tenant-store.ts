import { writeAudit, writePlatformAudit, type Actor, type AuditEntry } from '../../audit';
import type { Database, Tx } from '../../database';
import { Prisma } from '../../generated/client';

export type NewTenant = Readonly<{
  id: string;
  slug: string;
  name: string;
  environmentId: string;
  /** Who will own it; `name` makes a new user of this id. */
  owner: Readonly<{ id: string; name: string | null }>;
  createdAt: Date;
}>;

export type PlatformTenantRow = Readonly<{
  id: string;
  slug: string;
  name: string;
  githubLogin: string | null;
  createdAt: Date;
  suspendedAt: Date | null;
  suspendedBy: 'operator' | 'github' | null;
  deletedAt: Date | null;
}>;

const tenants = Prisma.sql`
  select id, slug, name, github_login as "githubLogin", created_at as "createdAt", suspended_at as "suspendedAt",
         suspended_by as "suspendedBy", deleted_at as "deletedAt"
  from tenants`;

/** Making and stopping tenants, which only an operator may. */
export class ConsoleTenantStore {
  constructor(private readonly db: Database) {}

  /** All tenants, by slug. */
  async listAll(): Promise<readonly PlatformTenantRow[]> {
    return this.db.cross('operator', (tx) => tx.$queryRaw<PlatformTenantRow[]>`${tenants} order by slug limit 10000`);
  }

  /**
   * Suspends a tenant, in place of GitHub too, which from then on cannot let it go on. Asking again changes nothing.
   * @returns the tenant after that, or null when there is none or it was deleted.
   */
  async suspend(actor: Actor, slug: string, { reason, now }: { reason: string; now: Date }) {
    return this.change(actor, slug, 'tenant.suspend', { reason }, async (tx, { id, suspendedBy }) => {
      if (suspendedBy === 'operator') return false;
      await tx.$executeRaw`
        update tenants set suspended_at = coalesce(suspended_at, ${now}), suspended_by = 'operator' where id = ${id}`;
      return true;
    });
  }

  /** Lets a tenant go on, whoever suspended it. A suspension on GitHub is found again by the next look there. */
  async unsuspend(actor: Actor, slug: string) {
    return this.change(actor, slug, 'tenant.unsuspend', {}, async (tx, { id, suspendedAt }) => {
      if (suspendedAt === null) return false;
      await tx.$executeRaw`update tenants set suspended_at = null, suspended_by = null where id = ${id}`;
      return true;
    });
  }

  /**
   * Marks a suspended tenant deleted, and lets go of its account on GitHub, which may become a tenant again under another
   * slug. Asking again changes nothing.
   * @returns the tenant after that, or null when there is none; `deletedAt` is null when it was not suspended by an operator.
   */
  async delete(actor: Actor, slug: string, now: Date): Promise<PlatformTenantRow | null> {
    return this.db.cross('operator', async (tx) => {
      const deleted = await tx.$queryRaw<{ id: string }[]>`
        update tenants set deleted_at = ${now}, github_account_id = null, github_login = null
        where slug = ${slug} and deleted_at is null and suspended_by = 'operator' returning id`;
      for (const { id } of deleted)
        await auditBoth(tx, id, actor, { action: 'tenant.delete', target: `tenant/${slug}`, details: { id } });
      return (await tx.$queryRaw<PlatformTenantRow[]>`${tenants} where slug = ${slug}`)[0] ?? null;
    });
  }

  /** The tenant with this slug, or null. */
  async find(slug: string): Promise<PlatformTenantRow | null> {
    const found = await this.db.cross(
      'operator',
      (tx) => tx.$queryRaw<PlatformTenantRow[]>`${tenants} where slug = ${slug}`,
    );
    return found[0] ?? null;
  }

  /** Asks for everything unfinished of a tenant to be cancelled. May run twice. */
  async cancelAll(tenantId: string, now: Date): Promise<void> {
    await this.db.tenant(
      tenantId,
      (tx) => tx.$executeRaw`
        update deployments set cancel_requested_at = ${now}
        where status in ('queued', 'building', 'releasing') and cancel_requested_at is null`,
    );
  }

  private async change(
    actor: Actor,
    slug: string,
    action: string,
    details: AuditEntry['details'] & object,
    work: (tx: Tx, tenant: PlatformTenantRow) => Promise<boolean>,
  ): Promise<PlatformTenantRow | null> {
    return this.db.cross('operator', async (tx) => {
      const where = Prisma.sql`where slug = ${slug} and deleted_at is null`;
      const [tenant] = await tx.$queryRaw<PlatformTenantRow[]>`${tenants} ${where} for update`;
      if (tenant === undefined) return null;
      if (await work(tx, tenant)) {
        await auditBoth(tx, tenant.id, actor, { action, target: `tenant/${slug}`, details });
      }
      return (await tx.$queryRaw<PlatformTenantRow[]>`${tenants} ${where}`)[0]!;
    });
  }

  /** Whether any tenant exists, ended ones included. */
  async hasAny(): Promise<boolean> {
    const found = await this.db.cross('operator', (tx) => tx.$queryRaw<unknown[]>`select 1 from tenants limit 1`);
    return found.length > 0;
  }

  /**
   * Makes a tenant with its production environment and its first owner.
   * @returns false when the slug was issued before, to whomever, and nothing was made.
   */
  async create(actor: Actor, tenant: NewTenant): Promise<boolean> {
    return this.db.cross('operator', async (tx) => {
      const made = await tx.$executeRaw`
        insert into tenants (id, slug, name, created_at)
        values (${tenant.id}, ${tenant.slug}, ${tenant.name}, ${tenant.createdAt})
        on conflict (slug) do nothing`;
      if (made === 0) return false;
      if (tenant.owner.name !== null) {
        await tx.$executeRaw`insert into users (id, name) values (${tenant.owner.id}, ${tenant.owner.name})`;
      }
      await tx.$executeRaw`
        insert into environments (tenant_id, id, name, kind)
        values (${tenant.id}, ${tenant.environmentId}, 'production', 'production')`;
      await tx.$executeRaw`
        insert into memberships (tenant_id, user_id, role) values (${tenant.id}, ${tenant.owner.id}, 'owner')`;
      const details = { id: tenant.id, owner: tenant.owner.id };
      await auditBoth(tx, tenant.id, actor, { action: 'tenant.create', target: `tenant/${tenant.slug}`, details });
      return true;
    });
  }
}

/** The tenant's log tells its owners, and goes with the tenant; the platform's tells its operators, and stays. */
async function auditBoth(tx: Tx, tenantId: string, actor: Actor, entry: AuditEntry): Promise<void> {
  await writeAudit(tx, tenantId, actor, entry);
  await writePlatformAudit(tx, actor, entry);
}
