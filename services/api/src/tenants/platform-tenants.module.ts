import { Module } from '@nestjs/common';
import { PlatformTenantsController } from './platform-tenants.controller';
import { SuspendTenant } from './suspend-tenant';

@Module({ controllers: [PlatformTenantsController], providers: [SuspendTenant] })
export class PlatformTenantsModule {}
