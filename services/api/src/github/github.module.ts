import { Module } from '@nestjs/common';
import type { ApiSettings } from '../config';
import { SETTINGS } from '../system';
import { HttpGithubAppClient } from './adapters/http-github-app-client';
import { GithubAppClient } from './app-client';
import { ChangeApp } from './change-app';
import { Deliveries } from './deliveries';
import { DeliveriesController } from './deliveries.controller';
import { DescribeApp } from './describe-app';
import { GithubController } from './github.controller';
import { RegisterApp } from './register-app';

const client = {
  provide: GithubAppClient,
  useFactory: ({ githubApiUrl }: ApiSettings) => new HttpGithubAppClient(githubApiUrl),
  inject: [SETTINGS],
};

@Module({
  controllers: [GithubController, DeliveriesController],
  providers: [client, DescribeApp, RegisterApp, ChangeApp, Deliveries],
})
export class GithubModule {}
