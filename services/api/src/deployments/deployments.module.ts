import { Module } from '@nestjs/common';
import { CancelDeployment } from './cancel-deployment';
import { DeploymentsController } from './deployments.controller';
import { FindDeployments } from './find-deployments';
import { RollbackToDeployment } from './rollback-to-deployment';

@Module({
  controllers: [DeploymentsController],
  providers: [FindDeployments, CancelDeployment, RollbackToDeployment],
  exports: [FindDeployments],
})
export class DeploymentsModule {}
