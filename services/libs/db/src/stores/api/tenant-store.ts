import { writeAudit, type Actor } from '../../audit';
import type { Database } from '../../database';

export type NewTenant = Readonly<{
  id: string;
  slug: string;
  name: string;
  environmentId: string;
  /** Who will own it; `name` makes a new user of this id. */
  owner: Readonly<{ id: string; name: string | null }>;
  createdAt: Date;
}>;

/** Making tenants, which only an operator may. */
export class ConsoleTenantStore {
  constructor(private readonly db: Database) {}

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
      await writeAudit(tx, tenant.id, actor, { action: 'tenant.create', target: `tenant/${tenant.slug}` });
      return true;
    });
  }
}
