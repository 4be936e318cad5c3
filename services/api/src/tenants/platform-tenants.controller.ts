import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Controller, Inject, Res } from '@nestjs/common';
import type { Actor } from '@wherry/db';
import type { Response } from 'express';
import { Input, Operation, SignedInActor, type InputOf, type OutputOf } from '../http/operation';
import { ExportTenant } from './export-tenant';
import { SuspendTenant } from './suspend-tenant';

@Controller()
export class PlatformTenantsController {
  constructor(
    @Inject(SuspendTenant) private readonly tenants: SuspendTenant,
    @Inject(ExportTenant) private readonly exports: ExportTenant,
  ) {}

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

  @Operation('exportTenant')
  async exportTenant(@Input() { params }: InputOf<'exportTenant'>, @Res() response: Response): Promise<void> {
    const lines = await this.exports.execute(params.tenant);
    response.setHeader('content-type', 'application/x-ndjson');
    response.setHeader('content-disposition', `attachment; filename="tenant-${params.tenant}.ndjson"`);
    // A failure in between cuts the connection, so that no half file looks like a whole one.
    await pipeline(Readable.from(lines), response);
  }

  @Operation('deleteTenant')
  deleteTenant(
    @SignedInActor() actor: Actor,
    @Input() { params, body }: InputOf<'deleteTenant'>,
  ): Promise<OutputOf<'deleteTenant'>> {
    return this.tenants.delete(actor, params.tenant, body.slug);
  }

  @Operation('unsuspendTenant')
  unsuspendTenant(
    @SignedInActor() actor: Actor,
    @Input() { params }: InputOf<'unsuspendTenant'>,
  ): Promise<OutputOf<'unsuspendTenant'>> {
    return this.tenants.unsuspend(actor, params.tenant);
  }
}
