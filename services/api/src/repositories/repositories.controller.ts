import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { DeployHead } from './deploy-head';
import { FindRepositories } from './find-repositories';
import { SetProductionBranch } from './set-production-branch';
import { UpdateSettings } from './update-settings';

@Controller()
export class RepositoriesController {
  constructor(
    @Inject(FindRepositories) private readonly find: FindRepositories,
    @Inject(DeployHead) private readonly deploy: DeployHead,
    @Inject(SetProductionBranch) private readonly productionBranch: SetProductionBranch,
    @Inject(UpdateSettings) private readonly settings: UpdateSettings,
  ) {}

  @Operation('listRepositories')
  listRepositories(@Access() { tenant }: TenantAccess): Promise<OutputOf<'listRepositories'>> {
    return this.find.list(tenant);
  }

  @Operation('getRepository')
  getRepository(
    @Access() { tenant }: TenantAccess,
    @Input() { params }: InputOf<'getRepository'>,
  ): Promise<OutputOf<'getRepository'>> {
    return this.find.get(tenant, params.repository);
  }

  @Operation('updateRepositorySettings')
  updateRepositorySettings(
    @Access() access: TenantAccess,
    @Input() { params, body }: InputOf<'updateRepositorySettings'>,
  ): Promise<OutputOf<'updateRepositorySettings'>> {
    return this.settings.execute(access, params.repository, body);
  }

  @Operation('resumeReleases')
  resumeReleases(
    @Access() access: TenantAccess,
    @Input() { params }: InputOf<'resumeReleases'>,
  ): Promise<OutputOf<'resumeReleases'>> {
    return this.deploy.resume(access, params.repository);
  }

  @Operation('setProductionBranch')
  setProductionBranch(
    @Access() access: TenantAccess,
    @Input() { params, body }: InputOf<'setProductionBranch'>,
  ): Promise<OutputOf<'setProductionBranch'>> {
    return this.productionBranch.execute(access, params.repository, body.branch);
  }

  @Operation('redeploy')
  redeploy(@Access() access: TenantAccess, @Input() { params }: InputOf<'redeploy'>): Promise<OutputOf<'redeploy'>> {
    return this.deploy.again(access, params.repository);
  }
}
