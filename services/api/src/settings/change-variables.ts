import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleVariableStore, type ConsoleVariableRow, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { InputOf, OutputOf } from '../http/operation';
import { environmentNotFound, FindEnvironment } from '../previews/find-environment';
import { SYSTEM, type System } from '../system';

/** Variables that the next deployment's builds and functions see. They are no secrets: members can read them. */
@Injectable()
export class ChangeVariables {
  constructor(
    @Inject(FindEnvironment) private readonly environments: FindEnvironment,
    @Inject(ConsoleVariableStore) private readonly store: ConsoleVariableStore,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /** @throws DomainError `environment.not_found` */
  async list(tenant: TenantRow, environmentName: string): Promise<OutputOf<'listVariables'>> {
    const { id } = await this.environments.execute(tenant, environmentName);
    return { variables: (await this.store.list(tenant.id, id)).map(view) };
  }

  /** @throws DomainError `environment.not_found` */
  async put(
    tenant: TenantRow,
    actor: Actor,
    { params, query, body }: InputOf<'putVariable'>,
  ): Promise<OutputOf<'putVariable'>> {
    const row = { kind: params.kind, name: params.variable, value: body.value, updatedAt: this.system.now() };
    const environment = await this.environments.execute(tenant, query.environment);
    if (!(await this.store.put(tenant.id, actor, environment, row))) environmentNotFound(query.environment);
    return view(row);
  }

  /** @throws DomainError `variable.not_found`, `environment.not_found` */
  async delete(tenant: TenantRow, actor: Actor, { params, query }: InputOf<'deleteVariable'>): Promise<void> {
    const { kind, variable: name } = params;
    const environment = await this.environments.execute(tenant, query.environment);
    if (await this.store.delete(tenant.id, actor, environment, { kind, name })) return;
    throw new DomainError('variable.not_found', `There is no ${kind} variable "${name}".`);
  }
}

function view({ kind, name, value, updatedAt }: ConsoleVariableRow): OutputOf<'putVariable'> {
  return { kind, name, value, updatedAt: updatedAt.toISOString() };
}
