import { Inject, Injectable } from '@nestjs/common';
import { ConsoleRepositoryStore, type ConsoleRepositoryRow, type TenantRow } from '@wherry/db';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import { SETTINGS } from '../system';
import { gitUrl } from '../urls';

type Repository = OutputOf<'listRepositories'>['repositories'][number];

/** Reads the repositories of a tenant. */
@Injectable()
export class ListRepositories {
  constructor(
    @Inject(ConsoleRepositoryStore) private readonly store: ConsoleRepositoryStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  async execute(tenant: TenantRow): Promise<OutputOf<'listRepositories'>> {
    const rows = await this.store.list(tenant.id);
    const base = `${gitUrl(this.settings)}/${tenant.slug}`;
    return { repositories: rows.map((row) => view(row, `${base}/${row.name}.git`)) };
  }
}

function view(row: ConsoleRepositoryRow, url: string): Repository {
  const { id, name, productionBranch, createdAt, lastRef, pinDeploymentId } = row;
  return {
    ...{ id, name, gitUrl: url, productionBranch, createdAt: createdAt.toISOString() },
    lastPush:
      lastRef === null ? null : { ref: lastRef, commitSha: row.lastCommitSha, at: row.lastPushAt.toISOString() },
    pin:
      pinDeploymentId === null
        ? null
        : {
            ...{ deploymentId: pinDeploymentId, rootDir: row.pinRootDir, createdBy: row.pinCreatedBy },
            createdAt: row.pinCreatedAt.toISOString(),
          },
  };
}
