import { Controller, Inject } from '@nestjs/common';
import type { Actor } from '@wherry/db';
import { Input, Operation, SignedInActor, type InputOf, type OutputOf } from '../http/operation';
import { SuspendTenant } from './suspend-tenant';

@Controller()
export class PlatformTenantsController {
  constructor(@Inject(SuspendTenant) private readonly tenants: SuspendTenant) {}

  @Operation('listPlatformTenants')
  listPlatformTenants(): Promise<OutputOf<'listPlatformTenants'>> {
    return this.tenants.list();
  }

  @Operation('suspendTenant')
  suspendTenant(
    @SignedInActor() actor: Actor,
    @Input() { params, body }: InputOf<'suspendTenant'>,
  ): Promise<OutputOf<'suspendTenant'>> {
    return this.tenants.suspend(actor, params.tenant, body.reason);
  }

  @Operation('unsuspendTenant')
  unsuspendTenant(
    @SignedInActor() actor: Actor,
    @Input() { params }: InputOf<'unsuspendTenant'>,
  ): Promise<OutputOf<'unsuspendTenant'>> {
    return this.tenants.unsuspend(actor, params.tenant);
  }
}
