import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { CancelDeployment } from './cancel-deployment';
import { FindDeployments } from './find-deployments';
import { RollbackToDeployment } from './rollback-to-deployment';

@Controller()
export class DeploymentsController {
  constructor(
    @Inject(FindDeployments) private readonly find: FindDeployments,
    @Inject(CancelDeployment) private readonly cancel: CancelDeployment,
    @Inject(RollbackToDeployment) private readonly rollback: RollbackToDeployment,
  ) {}

  @Operation('listDeployments')
  listDeployments(
    @Access() { tenant }: TenantAccess,
    @Input() { query }: InputOf<'listDeployments'>,
  ): Promise<OutputOf<'listDeployments'>> {
    return this.find.list(tenant, query);
  }

  @Operation('getDeployment')
  getDeployment(
    @Access() { tenant }: TenantAccess,
    @Input() { params }: InputOf<'getDeployment'>,
  ): Promise<OutputOf<'getDeployment'>> {
    return this.find.get(tenant, params.deployment);
  }

  @Operation('cancelDeployment')
  cancelDeployment(
    @Access() access: TenantAccess,
    @Input() { params }: InputOf<'cancelDeployment'>,
  ): Promise<OutputOf<'cancelDeployment'>> {
    return this.cancel.execute(access, params.deployment);
  }

  @Operation('rollbackToDeployment')
  rollbackToDeployment(
    @Access() access: TenantAccess,
    @Input() { params }: InputOf<'rollbackToDeployment'>,
  ): Promise<OutputOf<'rollbackToDeployment'>> {
    return this.rollback.execute(access, params.deployment);
  }
}
