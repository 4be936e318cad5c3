import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { DeployHead } from './deploy-head';
import { ListRepositories } from './list-repositories';
import { SetProductionBranch } from './set-production-branch';

@Controller()
export class RepositoriesController {
  constructor(
    @Inject(ListRepositories) private readonly list: ListRepositories,
    @Inject(DeployHead) private readonly deploy: DeployHead,
    @Inject(SetProductionBranch) private readonly productionBranch: SetProductionBranch,
  ) {}

  @Operation('listRepositories')
  listRepositories(@Access() { tenant }: TenantAccess): Promise<OutputOf<'listRepositories'>> {
    return this.list.execute(tenant);
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
