import { Module } from '@nestjs/common';
import { BeginSession } from './begin-session';
import { CreateLoginLink } from './create-login-link';
import { CreateTenant } from './create-tenant';
import { DescribeSession } from './describe-session';
import { EndSession } from './end-session';
import { SessionController } from './session.controller';
import { TenantsController } from './tenants.controller';

@Module({
  controllers: [SessionController, TenantsController],
  providers: [BeginSession, DescribeSession, EndSession, CreateLoginLink, CreateTenant],
})
export class SessionModule {}
