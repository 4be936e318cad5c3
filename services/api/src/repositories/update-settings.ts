import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import type { RepositorySettings } from '@wherry/contract';
import { ConsoleRepositoryStore } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { Queue } from '@wherry/queue';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { SETTINGS } from '../system';
import { repositoryNotFound } from './deploy-head';
import { repositoryView, settingsOf } from './find-repositories';

/** Says how a repository from GitHub is deployed. */
@Injectable()
export class UpdateSettings {
  constructor(
    @Inject(ConsoleRepositoryStore) private readonly store: ConsoleRepositoryStore,
    @Inject(Queue) private readonly queue: Queue,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  /**
   * When the folders or the previews change, the production branch and everything that has a preview are planned: a new
   * folder is deployed at once, one that is left out is removed, as are previews that are not wanted any more; what was
   * handled is left alone. The same settings again change nothing.
   * @throws DomainError `repository.not_found`, `repository.not_on_github`
   */
  async execute(
    { tenant, actor }: TenantAccess,
    repository: string,
    wished: RepositorySettings,
  ): Promise<OutputOf<'updateRepositorySettings'>> {
    const row = await this.store.saveSettings(
      ...([tenant.id, actor, repository, wished] as const),
      (former) => !isDeepStrictEqual(deployed(settingsOf(former)), deployed(wished)),
      (tx, repositoryId, ref) => this.queue.send(tx, 'plan', { tenantId: tenant.id, repositoryId, ref }),
    );
    if (row === null) throw repositoryNotFound(repository);
    if (row.fullName !== null) return repositoryView(row, tenant, this.settings);
    throw new DomainError(
      'repository.not_on_github',
      `"${repository}" is on the built-in remote, which has no such settings: every push to it is deployed.`,
    );
  }
}

/** What decides about which heads are deployed, and where. */
function deployed({ roots, previews }: RepositorySettings) {
  const { pullRequests, branches } = previews;
  return { roots, pullRequests, branches };
}
