import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleTenantStore, type PlatformTenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { OutputOf } from '../http/operation';
import { SYSTEM, type System } from '../system';

type PlatformTenant = OutputOf<'suspendTenant'>;

/** Stops tenants, lets them go on, and ends them. */
@Injectable()
export class SuspendTenant {
  constructor(
    @Inject(ConsoleTenantStore) private readonly store: ConsoleTenantStore,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  async list(): Promise<OutputOf<'listPlatformTenants'>> {
    return { tenants: (await this.store.listAll()).map(view) };
  }

  /**
   * The gateways drop the tenant's routes and the controller ends its replicas as soon as they hear of it; the session
   * and token of every member open nothing from this moment. What was being built is cancelled.
   * @throws DomainError `tenant.not_found`
   */
  async suspend(actor: Actor, slug: string, reason: string): Promise<PlatformTenant> {
    const now = this.system.now();
    const tenant = await this.store.suspend(actor, slug, { reason, now });
    if (tenant === null) throw tenantNotFound(slug);
    // On its own, and again each time: should the first half be all that happened, asking once more does the rest.
    await this.store.cancelAll(tenant.id, now);
    return view(tenant);
  }

  /**
   * Deletes a tenant that was suspended before. Its workloads have ended by then or end now; the worker removes what is
   * stored of it once they have, and git its repositories.
   * @param again the slug once more. @throws DomainError `tenant.not_found`, `tenant.not_suspended`, `request.invalid`
   */
  async delete(actor: Actor, slug: string, again: string): Promise<PlatformTenant> {
    if (again !== slug) {
      const detail = 'This is not the slug of the tenant that is to be deleted.';
      throw new DomainError('request.invalid', detail, { errors: [{ pointer: '/slug', detail }] });
    }
    const now = this.system.now();
    const tenant = await this.store.delete(actor, slug, now);
    if (tenant === null) throw tenantNotFound(slug);
    if (tenant.deletedAt === null) {
      throw new DomainError('tenant.not_suspended', 'Suspend the tenant first, and see that nobody misses it.');
    }
    await this.store.cancelAll(tenant.id, now);
    return view(tenant);
  }

  /** @throws DomainError `tenant.not_found` */
  async unsuspend(actor: Actor, slug: string): Promise<PlatformTenant> {
    const tenant = await this.store.unsuspend(actor, slug);
    if (tenant === null) throw tenantNotFound(slug);
    return view(tenant);
  }
}

export function tenantNotFound(slug: string): DomainError {
  return new DomainError('tenant.not_found', `There is no tenant "${slug}".`);
}

function view({ id, slug, name, githubLogin, suspendedBy, ...at }: PlatformTenantRow): PlatformTenant {
  return {
    ...{ id, slug, name, githubLogin, suspendedBy, createdAt: at.createdAt.toISOString() },
    suspendedAt: at.suspendedAt?.toISOString() ?? null,
    deletedAt: at.deletedAt?.toISOString() ?? null,
  };
}
