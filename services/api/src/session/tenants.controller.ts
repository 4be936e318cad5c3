import { Controller, Inject } from '@nestjs/common';
import type { Actor } from '@wherry/db';
import { Input, Operation, Session, SignedInActor, type InputOf, type OutputOf } from '../http/operation';
import { CreateTenant } from './create-tenant';
import { DescribeSession, type SessionCaller } from './describe-session';

@Controller()
export class TenantsController {
  constructor(
    @Inject(DescribeSession) private readonly describe: DescribeSession,
    @Inject(CreateTenant) private readonly create: CreateTenant,
  ) {}

  @Operation('listTenants')
  async listTenants(@Session() caller: SessionCaller): Promise<OutputOf<'listTenants'>> {
    return { tenants: await this.describe.tenants(caller) };
  }

  @Operation('createTenant')
  createTenant(
    @SignedInActor() actor: Actor,
    @Session() caller: SessionCaller,
    @Input() { body }: InputOf<'createTenant'>,
  ): Promise<OutputOf<'createTenant'>> {
    return this.create.execute(actor, caller, body);
  }
}
