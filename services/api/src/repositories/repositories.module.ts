import { Module } from '@nestjs/common';
import { DeployHead } from './deploy-head';
import { ListRepositories } from './list-repositories';
import { RepositoriesController } from './repositories.controller';

@Module({ controllers: [RepositoriesController], providers: [ListRepositories, DeployHead] })
export class RepositoriesModule {}
