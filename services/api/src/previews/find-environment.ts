import { Inject, Injectable } from '@nestjs/common';
import { ConsoleEnvironmentStore, type EnvironmentRow, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';

/** Finds the environment that the parameter `environment` names. */
@Injectable()
export class FindEnvironment {
  constructor(@Inject(ConsoleEnvironmentStore) private readonly store: ConsoleEnvironmentStore) {}

  /** @throws DomainError `environment.not_found` when there is none, or it is closed. */
  async execute(tenant: TenantRow, name: string): Promise<EnvironmentRow> {
    return (await this.store.find(tenant.id, name)) ?? environmentNotFound(name);
  }
}

/** @throws DomainError `environment.not_found` */
export function environmentNotFound(name: string): never {
  throw new DomainError('environment.not_found', `There is no environment "${name}" that is open.`);
}
