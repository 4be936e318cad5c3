import { Module } from '@nestjs/common';
import { DeployHead } from './deploy-head';
import { ListRepositories } from './list-repositories';
import { RepositoriesController } from './repositories.controller';
import { SetProductionBranch } from './set-production-branch';

@Module({ controllers: [RepositoriesController], providers: [ListRepositories, DeployHead, SetProductionBranch] })
export class RepositoriesModule {}
