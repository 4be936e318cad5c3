import { Inject, Injectable } from '@nestjs/common';
import {
  type Actor,
  ConsoleRepositoryStore,
  ConsoleTokenStore,
  type ConsoleTokenRow,
  type TenantRow,
} from '@wherry/db';
import { newId } from '@wherry/domain';
import { DomainError } from '@wherry/problem';
import type { InputOf, OutputOf } from '../http/operation';
import { sessionOf, type TenantAccess } from '../http/request-context';
import { repositoryNotFound } from '../repositories/deploy-head';
import { hashOf, newSecretValue, SYSTEM, type System } from '../system';

type Token = OutputOf<'listTokens'>['tokens'][number];
const dayMs = 24 * 3_600_000;

/** Makes and revokes a tenant's tokens. A value is told once; only its hash is stored. */
@Injectable()
export class ManageTokens {
  constructor(
    @Inject(ConsoleTokenStore) private readonly store: ConsoleTokenStore,
    @Inject(ConsoleRepositoryStore) private readonly repositories: ConsoleRepositoryStore,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  async list(tenant: TenantRow): Promise<OutputOf<'listTokens'>> {
    return { tokens: (await this.store.list(tenant.id)).map(view) };
  }

  /** @throws DomainError `repository.not_found`; `request.invalid` for a scope that one repository cannot limit. */
  async create(
    { tenant, caller, actor }: TenantAccess,
    { name, scopes, repository, expiresInDays }: InputOf<'createToken'>['body'],
  ): Promise<OutputOf<'createToken'>> {
    const { userId, userName } = sessionOf(caller);
    const repositoryId = repository === undefined ? null : await this.repositoryId(tenant, repository, scopes);
    const createdAt = this.system.now();
    const expiresAt = expiresInDays === null ? null : new Date(createdAt.getTime() + expiresInDays * dayMs);
    const id = newId('token', (count) => this.system.randomBytes(count));
    const value = newSecretValue('wherry_', this.system);
    const token = { id, name, scopes, createdAt, expiresAt };
    const about = { tokenHash: hashOf(value), repositoryId, createdBy: userId };
    await this.store.create(tenant.id, actor, { ...token, ...about });
    const row = { ...token, repository: repository ?? null, createdBy: userName, lastUsedAt: null, revokedAt: null };
    return { token: view(row), value };
  }

  /** @throws DomainError `token.not_found` */
  async revoke(tenant: TenantRow, actor: Actor, tokenId: string): Promise<void> {
    if (await this.store.revoke(tenant.id, actor, tokenId, this.system.now())) return;
    throw new DomainError('token.not_found', 'There is no such token.');
  }

  private async repositoryId(tenant: TenantRow, name: string, scopes: readonly string[]): Promise<string> {
    const wide = scopes.findIndex((scope) => !scope.startsWith('git:'));
    if (wide >= 0) {
      const detail = `The scope "${scopes[wide]}" is for the whole tenant; a token for one repository has git scopes.`;
      throw new DomainError('request.invalid', detail, { errors: [{ pointer: `/scopes/${wide}`, detail }] });
    }
    const id = await this.repositories.findId(tenant.id, name);
    if (id === null) throw repositoryNotFound(name);
    return id;
  }
}

function view(row: ConsoleTokenRow): Token {
  const { id, name, scopes, repository, createdBy } = row;
  return {
    ...{ id, name, scopes: [...scopes], repository, createdBy },
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
  };
}
