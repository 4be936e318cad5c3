import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleTenantStore } from '@wherry/db';
import { newId } from '@wherry/domain';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import type { InputOf, OutputOf } from '../http/operation';
import { SETTINGS, SYSTEM, type System } from '../system';
import { tenantView, type SessionCaller } from './describe-session';

/** Makes a tenant with its production environment and its first owner. */
@Injectable()
export class CreateTenant {
  constructor(
    @Inject(ConsoleTenantStore) private readonly store: ConsoleTenantStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /**
   * @throws DomainError `tenant.slug_taken`; `tenant.sandbox_required` when functions run unsandboxed: then they can
   * reach each other, so all must belong to one tenant.
   */
  async execute(
    actor: Actor,
    caller: SessionCaller,
    input: InputOf<'createTenant'>['body'],
  ): Promise<OutputOf<'createTenant'>> {
    if (this.settings.sandbox === 'none' && (await this.store.hasAny())) {
      throw new DomainError(
        'tenant.sandbox_required',
        'Without a sandbox the functions of tenants could reach each other. Install bubblewrap ' +
          '(`apt-get install bubblewrap`), start again, and make the tenant then.',
      );
    }
    const id = (kind: 'tenant' | 'environment' | 'user') => newId(kind, (count) => this.system.randomBytes(count));
    const owner =
      input.ownerName === undefined ? { id: caller.userId, name: null } : newOwner(id('user'), input.ownerName);
    const tenant = { id: id('tenant'), slug: input.slug, name: input.name, createdAt: this.system.now() };
    if (!(await this.store.create(actor, { ...tenant, environmentId: id('environment'), owner }))) {
      throw new DomainError('tenant.slug_taken', `The slug "${input.slug}" was issued before; slugs are never reused.`);
    }
    return { tenant: tenantView(tenant, 'owner'), ownerId: owner.id };
  }
}

function newOwner(id: string, name: string): { id: string; name: string } {
  return { id, name };
}
