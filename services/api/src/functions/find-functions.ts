import { Inject, Injectable } from '@nestjs/common';
import { ConsoleFunctionStore, type TenantRow } from '@wherry/db';
import { environmentLabel } from '@wherry/domain';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import { hourOf, hoursBefore } from '../hours';
import type { InputOf, OutputOf } from '../http/operation';
import { SETTINGS, SYSTEM, type System } from '../system';
import { FindEnvironment } from '../previews/find-environment';
import { functionView, revisionView } from './function-view';

/** A function by its name in an environment, both as a request names them. */
export type FunctionName = Readonly<{ environment: string; name: string }>;
/** A function by its id, and the host label under which it is served. */
export type FoundFunction = Readonly<{ id: string; label: string }>;

/** Reads the functions of a tenant. */
@Injectable()
export class FindFunctions {
  constructor(
    @Inject(FindEnvironment) private readonly environments: FindEnvironment,
    @Inject(ConsoleFunctionStore) private readonly store: ConsoleFunctionStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /** @throws DomainError `environment.not_found` */
  async list(tenant: TenantRow, environment: string): Promise<OutputOf<'listFunctions'>> {
    const usageSince = this.usageSince();
    const { id, label } = await this.environment(tenant, environment);
    const rows = await this.store.list(tenant.id, id, usageSince);
    const at = { settings: this.settings, label, usageSince };
    return { functions: rows.map((row) => functionView(row, at)) };
  }

  /** @throws DomainError `function.not_found`, `environment.not_found` */
  async get(tenant: TenantRow, { environment, name }: FunctionName): Promise<OutputOf<'getFunction'>> {
    const usageSince = this.usageSince();
    const { id, label } = await this.environment(tenant, environment);
    const row = await this.store.find(tenant.id, id, name, usageSince);
    if (row === null) throw functionNotFound(name);
    return functionView(row, { settings: this.settings, label, usageSince });
  }

  /** Newest first; the cursor is the number of the last revision before. @throws as `place` does */
  async revisions(
    tenant: TenantRow,
    name: string,
    { environment, limit, cursor }: InputOf<'listRevisions'>['query'],
  ): Promise<OutputOf<'listRevisions'>> {
    const before = cursor === undefined ? null : Number.parseInt(cursor, 10);
    if (before !== null && !(before >= 0 && before < 2 ** 31)) throw cursorInvalid();
    const { id } = await this.place(tenant, { environment, name });
    const rows = await this.store.listRevisions(tenant.id, id, { limit: limit + 1, before });
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return { revisions: shown.map(revisionView), nextCursor: last ? String(last.number) : null };
  }

  /** @throws DomainError `function.not_found`, `environment.not_found` */
  async place(tenant: TenantRow, { environment, name }: FunctionName): Promise<FoundFunction> {
    const { id: environmentId, label } = await this.environment(tenant, environment);
    const id = await this.store.findId(tenant.id, environmentId, name);
    if (id === null) throw functionNotFound(name);
    return { id, label };
  }

  private async environment(tenant: TenantRow, name: string): Promise<{ id: string; label: string }> {
    const { id, label } = await this.environments.execute(tenant, name);
    return { id, label: environmentLabel({ tenantSlug: tenant.slug, label }) };
  }

  /** Usage is counted by whole hours: the last full one and the present one. */
  private usageSince(): Date {
    return hoursBefore(hourOf(this.system.now()), 1);
  }
}

function functionNotFound(name: string): DomainError {
  return new DomainError('function.not_found', `There is no function "${name}".`);
}

/** A cursor that no reply ever held. */
export function cursorInvalid(): DomainError {
  const detail = 'Pass a cursor of the reply before, unchanged.';
  return new DomainError('request.invalid', detail, { errors: [{ pointer: '/query/cursor', detail }] });
}
