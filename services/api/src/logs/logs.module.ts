import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { FunctionsModule } from '../functions/functions.module';
import { BuildLogs } from './build-logs';
import { FunctionLogs } from './function-logs';
import { LogsController } from './logs.controller';

@Module({
  imports: [FunctionsModule, DeploymentsModule],
  controllers: [LogsController],
  providers: [FunctionLogs, BuildLogs],
})
export class LogsModule {}
