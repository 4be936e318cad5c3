import { Inject, Injectable } from '@nestjs/common';
import { ConsoleRepositoryStore, type TenantRow, type Tx } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { Queue } from '@wherry/queue';
import type { OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { SYSTEM, type System } from '../system';

/** Deploys what the production branch of a repository holds now, without a push. */
@Injectable()
export class DeployHead {
  constructor(
    @Inject(ConsoleRepositoryStore) private readonly store: ConsoleRepositoryStore,
    @Inject(Queue) private readonly queue: Queue,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /**
   * @throws DomainError `repository.not_found`; `repository.empty` when its production branch does not exist;
   * `repository.disconnected`
   */
  async again({ tenant, actor }: TenantAccess, repository: string): Promise<OutputOf<'redeploy'>> {
    const head = await this.store.withProductionHead(tenant.id, actor, repository, this.plan(tenant));
    if (head === null) throw repositoryNotFound(repository);
    if (head.hasHead) return { isQueued: true, ref: `refs/heads/${head.productionBranch}` };
    refuseDisconnected(head);
    const branch = head.productionBranch ?? 'main';
    throw new DomainError('repository.empty', `The branch "${branch}" does not exist yet. Push it first.`);
  }

  /**
   * Ends the hold of a rollback. What was pushed meanwhile was built and not released, so the head is planned again;
   * unchanged functions are not built twice. Without a hold nothing happens.
   * @throws DomainError `repository.not_found`
   */
  async resume({ tenant, actor }: TenantAccess, repository: string): Promise<OutputOf<'resumeReleases'>> {
    const head = await this.store.removePins(tenant.id, actor, repository, this.plan(tenant));
    if (head === null) throw repositoryNotFound(repository);
    return { isQueued: head.removed > 0 && head.hasHead, ref: `refs/heads/${head.productionBranch ?? 'main'}` };
  }

  private plan(tenant: TenantRow): (tx: Tx, repositoryId: string, ref: string) => Promise<void> {
    const forcedAt = this.system.now().getTime();
    return (tx, repositoryId, ref) => this.queue.send(tx, 'plan', { tenantId: tenant.id, repositoryId, ref, forcedAt });
  }
}

/** @throws DomainError `repository.disconnected` when GitHub cannot be asked for the head. */
export function refuseDisconnected({ disconnectedReason }: Readonly<{ disconnectedReason: string | null }>): void {
  if (disconnectedReason === null) return;
  throw new DomainError('repository.disconnected', `The repository is not connected: ${disconnectedReason}`);
}

export function repositoryNotFound(name: string): DomainError {
  return new DomainError('repository.not_found', `There is no repository "${name}".`);
}
