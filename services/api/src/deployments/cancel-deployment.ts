import { Inject, Injectable } from '@nestjs/common';
import { ConsoleDeploymentStore } from '@wherry/db';
import { isFinished } from '@wherry/domain';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { SETTINGS, SYSTEM, type System } from '../system';
import { deploymentDetailView } from './deployment-view';
import { deploymentNotFound } from './find-deployments';

/** Asks for a deployment to be cancelled; the worker does it. Asking again changes nothing. */
@Injectable()
export class CancelDeployment {
  constructor(
    @Inject(ConsoleDeploymentStore) private readonly store: ConsoleDeploymentStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /** @throws DomainError `deployment.not_found`, or `deployment.finished` when there is nothing left to cancel. */
  async execute({ tenant, actor }: TenantAccess, deploymentId: string): Promise<OutputOf<'cancelDeployment'>> {
    const row = await this.store.requestCancel(tenant.id, actor, deploymentId, this.system.now());
    if (row === null) throw deploymentNotFound();
    if (isFinished(row.status) && row.status !== 'cancelled') {
      throw new DomainError('deployment.finished', `The deployment is ${row.status}; there is nothing to cancel.`);
    }
    return deploymentDetailView(row, this.settings, tenant.slug);
  }
}
