import { Inject, Injectable } from '@nestjs/common';
import { ConsoleDeploymentStore } from '@wherry/db';
import { newId } from '@wherry/domain';
import { DomainError } from '@wherry/problem';
import type { OutputOf } from '../http/operation';
import { userIdOf, type TenantAccess } from '../http/request-context';
import { SYSTEM, type System } from '../system';
import { releaseView } from './deployment-view';
import { deploymentNotFound } from './find-deployments';
import { whyNotRestorable } from './why-not-restorable';

/** Asks for a retired deployment to serve again, and pins production to it so that no later push undoes that. */
@Injectable()
export class RollbackToDeployment {
  constructor(
    @Inject(ConsoleDeploymentStore) private readonly store: ConsoleDeploymentStore,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /**
   * While a rollback to it is under way, asking again answers that one.
   * @throws DomainError `deployment.not_found`, or `deployment.not_restorable` with the reason.
   */
  async execute(
    { tenant, caller, actor }: TenantAccess,
    deploymentId: string,
  ): Promise<OutputOf<'rollbackToDeployment'>> {
    const id = newId('release', (count) => this.system.randomBytes(count));
    const wish = { id, userId: userIdOf(caller), now: this.system.now() };
    const release = await this.store.rollback(tenant.id, actor, deploymentId, wish, (deployment) => {
      const why = whyNotRestorable(deployment);
      if (why !== null) throw new DomainError('deployment.not_restorable', why);
    });
    if (release === null) throw deploymentNotFound();
    return releaseView(release);
  }
}
