import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { CoreModule, type ApiParts } from './core.module';
import { AuditModule } from './audit/audit.module';
import { DeploymentsModule } from './deployments/deployments.module';
import { FunctionsModule } from './functions/functions.module';
import { GithubModule } from './github/github.module';
import { OperationGuard } from './http/operation.guard';
import { OperationInterceptor } from './http/operation.interceptor';
import { ProblemFilter } from './http/problem.filter';
import { LogsModule } from './logs/logs.module';
import { MembersModule } from './members/members.module';
import { PreviewsModule } from './previews/previews.module';
import { RepositoriesModule } from './repositories/repositories.module';
import { SessionModule } from './session/session.module';
import { SettingsModule } from './settings/settings.module';
import { PlatformTenantsModule } from './tenants/platform-tenants.module';
import { UsageModule } from './usage/usage.module';

const features = [
  SessionModule,
  FunctionsModule,
  LogsModule,
  UsageModule,
  DeploymentsModule,
  PreviewsModule,
  RepositoriesModule,
  SettingsModule,
  MembersModule,
  AuditModule,
  PlatformTenantsModule,
  GithubModule,
];

/** The operations of the contract, each behind the same guard, interceptor and filter. */
@Module({})
export class ApiModule {
  static of(parts: ApiParts): DynamicModule {
    return {
      module: ApiModule,
      imports: [CoreModule.of(parts), ...features],
      providers: [
        { provide: APP_GUARD, useClass: OperationGuard },
        { provide: APP_INTERCEPTOR, useClass: OperationInterceptor },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
