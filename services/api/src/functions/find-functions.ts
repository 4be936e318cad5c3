import { Inject, Injectable } from '@nestjs/common';
import { ConsoleFunctionStore, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import { hourOf, hoursBefore } from '../hours';
import type { InputOf, OutputOf } from '../http/operation';
import { SETTINGS, SYSTEM, type System } from '../system';
import { functionView, revisionView } from './function-view';

/** Reads the functions of a tenant. */
@Injectable()
export class FindFunctions {
  constructor(
    @Inject(ConsoleFunctionStore) private readonly store: ConsoleFunctionStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  async list(tenant: TenantRow): Promise<OutputOf<'listFunctions'>> {
    const usageSince = this.usageSince();
    const rows = await this.store.list(tenant.id, usageSince);
    const at = { settings: this.settings, slug: tenant.slug, usageSince };
    return { functions: rows.map((row) => functionView(row, at)) };
  }

  /** @throws DomainError `function.not_found` */
  async get(tenant: TenantRow, name: string): Promise<OutputOf<'getFunction'>> {
    const usageSince = this.usageSince();
    const row = await this.store.find(tenant.id, name, usageSince);
    if (row === null) throw functionNotFound(name);
    return functionView(row, { settings: this.settings, slug: tenant.slug, usageSince });
  }

  /** Newest first; the cursor is the number of the last revision before. @throws DomainError `function.not_found` */
  async revisions(
    tenant: TenantRow,
    name: string,
    { limit, cursor }: InputOf<'listRevisions'>['query'],
  ): Promise<OutputOf<'listRevisions'>> {
    const before = cursor === undefined ? null : Number.parseInt(cursor, 10);
    if (before !== null && !(before >= 0 && before < 2 ** 31)) throw cursorInvalid();
    const rows = await this.store.listRevisions(tenant.id, await this.id(tenant, name), { limit: limit + 1, before });
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return { revisions: shown.map(revisionView), nextCursor: last ? String(last.number) : null };
  }

  /** @throws DomainError `function.not_found` */
  async id(tenant: TenantRow, name: string): Promise<string> {
    const id = await this.store.findId(tenant.id, name);
    if (id === null) throw functionNotFound(name);
    return id;
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
