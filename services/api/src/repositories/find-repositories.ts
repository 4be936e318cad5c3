import { Inject, Injectable } from '@nestjs/common';
import { RepositorySettings } from '@wherry/contract';
import { ConsoleRepositoryStore, type ConsoleRepositoryRow, type TenantRow } from '@wherry/db';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import { SETTINGS } from '../system';
import { gitUrl } from '../urls';
import { repositoryNotFound } from './deploy-head';

type Repository = OutputOf<'getRepository'>;

/** Reads the repositories of a tenant. */
@Injectable()
export class FindRepositories {
  constructor(
    @Inject(ConsoleRepositoryStore) private readonly store: ConsoleRepositoryStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  async list(tenant: TenantRow): Promise<OutputOf<'listRepositories'>> {
    const rows = await this.store.list(tenant.id);
    return { repositories: rows.map((row) => repositoryView(row, tenant, this.settings)) };
  }

  /** @throws DomainError `repository.not_found` */
  async get(tenant: TenantRow, name: string): Promise<Repository> {
    const row = await this.store.find(tenant.id, name);
    if (row === null) throw repositoryNotFound(name);
    return repositoryView(row, tenant, this.settings);
  }
}

export function repositoryView(row: ConsoleRepositoryRow, tenant: TenantRow, settings: ApiSettings): Repository {
  const { id, name, productionBranch, createdAt, lastRef, pinDeploymentId } = row;
  const github = githubView(row, settings);
  return {
    ...{ id, name, github, productionBranch, createdAt: createdAt.toISOString() },
    gitUrl: `${github?.url ?? `${gitUrl(settings)}/${tenant.slug}/${name}`}.git`,
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

function githubView(row: ConsoleRepositoryRow, { githubUrl }: ApiSettings): Repository['github'] {
  const { fullName, defaultBranch, isPrivate, isArchived, disconnectedAt, disconnectedReason } = row;
  if (fullName === null) return null;
  return {
    ...{ fullName, url: `${githubUrl}/${fullName}`, defaultBranch, isPrivate, isArchived, disconnectedReason },
    disconnectedAt: disconnectedAt?.toISOString() ?? null,
    settings: settingsOf(row.settings),
  };
}

/** The settings in a column with their defaults; all defaults when an older version cannot read it. */
export function settingsOf(column: unknown): RepositorySettings {
  return RepositorySettings.safeParse(column).data ?? RepositorySettings.parse({});
}
