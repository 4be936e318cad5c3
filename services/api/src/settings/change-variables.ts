import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleVariableStore, type ConsoleVariableRow, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { InputOf, OutputOf } from '../http/operation';
import { SYSTEM, type System } from '../system';

/** Variables that the next deployment's builds and functions see. They are no secrets: members can read them. */
@Injectable()
export class ChangeVariables {
  constructor(
    @Inject(ConsoleVariableStore) private readonly store: ConsoleVariableStore,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  async list(tenant: TenantRow): Promise<OutputOf<'listVariables'>> {
    return { variables: (await this.store.list(tenant.id)).map(view) };
  }

  async put(
    tenant: TenantRow,
    actor: Actor,
    { params, body }: InputOf<'putVariable'>,
  ): Promise<OutputOf<'putVariable'>> {
    const row = { kind: params.kind, name: params.variable, value: body.value, updatedAt: this.system.now() };
    await this.store.put(tenant.id, actor, row);
    return view(row);
  }

  /** @throws DomainError `variable.not_found` */
  async delete(tenant: TenantRow, actor: Actor, { params }: InputOf<'deleteVariable'>): Promise<void> {
    if (await this.store.delete(tenant.id, actor, params.kind, params.variable)) return;
    throw new DomainError('variable.not_found', `There is no ${params.kind} variable "${params.variable}".`);
  }
}

function view({ kind, name, value, updatedAt }: ConsoleVariableRow): OutputOf<'putVariable'> {
  return { kind, name, value, updatedAt: updatedAt.toISOString() };
}
