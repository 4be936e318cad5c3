import { Module } from '@nestjs/common';
import { PlatformTenantsController } from './platform-tenants.controller';
import { ExportTenant } from './export-tenant';
import { SuspendTenant } from './suspend-tenant';

@Module({ controllers: [PlatformTenantsController], providers: [SuspendTenant, ExportTenant] })
export class PlatformTenantsModule {}
