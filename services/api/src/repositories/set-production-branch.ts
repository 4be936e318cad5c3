import { Inject, Injectable } from '@nestjs/common';
import { ConsoleRepositoryStore } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { Queue } from '@wherry/queue';
import type { OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { SYSTEM, type System } from '../system';
import { refuseDisconnected, repositoryNotFound } from './deploy-head';

/** Chooses the branch of a repository that is deployed. */
@Injectable()
export class SetProductionBranch {
  constructor(
    @Inject(ConsoleRepositoryStore) private readonly store: ConsoleRepositoryStore,
    @Inject(Queue) private readonly queue: Queue,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /**
   * Its head is planned as if it was asked for by hand: an earlier deployment of that very commit does not count, since
   * another branch was deployed after it. Choosing the same branch again does nothing.
   * Whether a branch exists on GitHub is found out by the plan, which asks there.
   * @throws DomainError `repository.not_found`; `repository.empty` when the branch does not exist;
   * `repository.disconnected`
   */
  async execute(
    { tenant, actor }: TenantAccess,
    repository: string,
    branch: string,
  ): Promise<OutputOf<'setProductionBranch'>> {
    const now = this.system.now();
    const forcedAt = now.getTime();
    const wish = { branch, now };
    const done = await this.store.setProductionBranch(tenant.id, actor, repository, wish, (tx, repositoryId, ref) =>
      this.queue.send(tx, 'plan', { tenantId: tenant.id, repositoryId, ref, forcedAt }),
    );
    if (done === null) throw repositoryNotFound(repository);
    refuseDisconnected(done);
    if (!done.hasBranch) {
      throw new DomainError('repository.empty', `The branch "${branch}" does not exist yet. Push it first.`);
    }
    return { isQueued: done.isChanged, ref: `refs/heads/${branch}` };
  }
}
