import { Module } from '@nestjs/common';
import { DeployHead } from './deploy-head';
import { FindRepositories } from './find-repositories';
import { RepositoriesController } from './repositories.controller';
import { SetProductionBranch } from './set-production-branch';
import { UpdateSettings } from './update-settings';

@Module({
  controllers: [RepositoriesController],
  providers: [FindRepositories, DeployHead, SetProductionBranch, UpdateSettings],
})
export class RepositoriesModule {}
