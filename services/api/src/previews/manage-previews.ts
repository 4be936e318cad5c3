import { Inject, Injectable } from '@nestjs/common';
import { hashPreviewPassword } from '@wherry/contract';
import type { Preview } from '@wherry/contract/api';
import { type Actor, ConsoleEnvironmentStore, type PreviewRow, type TenantRow } from '@wherry/db';
import { environmentUrl } from '@wherry/domain';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import { SETTINGS, SYSTEM, type System } from '../system';

const dayMs = 24 * 3_600_000;

/** Shows the previews of a tenant, and lets its members end, prolong and protect them. */
@Injectable()
export class ManagePreviews {
  constructor(
    @Inject(ConsoleEnvironmentStore) private readonly store: ConsoleEnvironmentStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  async list(tenant: TenantRow): Promise<OutputOf<'listPreviews'>> {
    const rows = await this.store.listPreviews(tenant.id);
    return { previews: rows.map((row) => this.view(row)) };
  }

  /** @throws DomainError `preview.not_found` */
  async end(tenant: TenantRow, actor: Actor, id: string): Promise<void> {
    if (!(await this.store.endPreview(tenant.id, actor, id, this.system.now()))) notFound();
  }

  /** @throws DomainError `preview.not_found` */
  async prolong(tenant: TenantRow, actor: Actor, id: string, days: number): Promise<OutputOf<'prolongPreview'>> {
    const expiresAt = new Date(this.system.now().getTime() + days * dayMs);
    const row = await this.store.prolongPreview(tenant.id, actor, id, expiresAt);
    return row === null ? notFound() : this.view(row);
  }

  /** Only the hash of the new password is stored. @throws DomainError `preview.not_found` */
  async setPassword(tenant: TenantRow, actor: Actor, id: string): Promise<OutputOf<'setPreviewPassword'>> {
    const password = newPassword(this.system);
    const hash = hashPreviewPassword(password, this.system.randomBytes(16));
    const row = await this.store.setPassword(tenant.id, actor, id, hash);
    return row === null ? notFound() : { preview: this.view(row), password };
  }

  /** @throws DomainError `preview.not_found` */
  async removePassword(tenant: TenantRow, actor: Actor, id: string): Promise<void> {
    if ((await this.store.setPassword(tenant.id, actor, id, null)) === null) notFound();
  }

  private view(row: PreviewRow): Preview {
    const { id, name, label, repository, pullRequest, pullRequestTitle, branch, hasPassword } = row;
    return {
      ...{ id, environment: name, repository, branch, hasPassword },
      pullRequest: pullRequest === null ? null : { number: pullRequest, title: pullRequestTitle },
      url: `${environmentUrl(this.settings, label)}/`,
      deployment: deploymentOf(row),
      leaseEndsAt: row.expiresAt?.toISOString() ?? null,
      createdAt: row.createdAt.toISOString(),
    };
  }
}

function deploymentOf(row: PreviewRow): Preview['deployment'] {
  if (row.deploymentId === null) return null;
  const { commitSha, commitMessage, author } = row;
  return {
    ...{ id: row.deploymentId, status: row.deploymentStatus, reason: row.deploymentReason },
    ...{ commitSha, commitMessage, author, isIsolated: row.deploymentTrust === 'untrusted' },
    createdAt: row.deploymentCreatedAt.toISOString(),
  };
}

function notFound(): never {
  throw new DomainError('preview.not_found', 'There is no such preview, or it was closed.');
}

/** 100 random bits in four groups of Crockford's base 32, which people can read to each other. */
function newPassword(system: System): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  const letters = Array.from(system.randomBytes(20), (byte) => alphabet[byte & 31]).join('');
  return letters.replace(/(.{5})(?=.)/g, '$1-');
}
