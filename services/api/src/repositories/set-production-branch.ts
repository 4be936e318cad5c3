import { Inject, Injectable } from '@nestjs/common';
import { ConsoleRepositoryStore, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { Queue } from '@wherry/queue';
import type { OutputOf } from '../http/operation';
import { SYSTEM, type System } from '../system';
import { repositoryNotFound } from './deploy-head';

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
   * @throws DomainError `repository.not_found`, or `repository.empty` when the branch does not exist.
   */
  async execute(tenant: TenantRow, repository: string, branch: string): Promise<OutputOf<'setProductionBranch'>> {
    const now = this.system.now();
    const forcedAt = now.getTime();
    const done = await this.store.setProductionBranch(tenant.id, repository, { branch, now }, (tx, repositoryId, ref) =>
      this.queue.send(tx, 'plan', { tenantId: tenant.id, repositoryId, ref, forcedAt }),
    );
    if (done === null) throw repositoryNotFound(repository);
    if (!done.hasBranch) {
      throw new DomainError('repository.empty', `The branch "${branch}" does not exist yet. Push it first.`);
    }
    return { isQueued: done.isChanged, ref: `refs/heads/${branch}` };
  }
}
