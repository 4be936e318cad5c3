import { Inject, Injectable } from '@nestjs/common';
import { ConsoleDeploymentStore, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import type { InputOf, OutputOf } from '../http/operation';
import { SETTINGS } from '../system';
import { deploymentDetailView, deploymentView } from './deployment-view';

/** Reads deployments. */
@Injectable()
export class FindDeployments {
  constructor(
    @Inject(ConsoleDeploymentStore) private readonly store: ConsoleDeploymentStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  /** Newest first; the cursor is the id of the last deployment before. */
  async list(tenant: TenantRow, query: InputOf<'listDeployments'>['query']): Promise<OutputOf<'listDeployments'>> {
    const { repository, environment, status, cursor, limit } = query;
    const rows = await this.store.list(tenant.id, {
      ...(repository === undefined ? {} : { repository }),
      ...(environment === undefined ? {} : { environment }),
      ...(status === undefined ? {} : { status }),
      ...(cursor === undefined ? {} : { before: cursor }),
      limit: limit + 1,
    });
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return { deployments: shown.map(deploymentView), nextCursor: last?.id ?? null };
  }

  /** @throws DomainError `deployment.not_found` */
  async get(tenant: TenantRow, deploymentId: string): Promise<OutputOf<'getDeployment'>> {
    const row = await this.store.find(tenant.id, deploymentId);
    if (row === null) throw deploymentNotFound();
    return deploymentDetailView(row, this.settings, tenant.slug);
  }
}

export function deploymentNotFound(): DomainError {
  return new DomainError('deployment.not_found', 'There is no such deployment.');
}
