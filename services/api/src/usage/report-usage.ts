import { Inject, Injectable } from '@nestjs/common';
import { ConsoleUsageStore, type TenantRow, type UsageRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { FindFunctions } from '../functions/find-functions';
import { hourFrom, hourOf, hoursBefore } from '../hours';
import type { InputOf, OutputOf } from '../http/operation';
import { SYSTEM, type System } from '../system';
import { addUp } from './add-up';

type Query = InputOf<'getUsage'>['query'];
const maxHours = 92 * 24;

/** Reads the meters. */
@Injectable()
export class ReportUsage {
  constructor(
    @Inject(ConsoleUsageStore) private readonly store: ConsoleUsageStore,
    @Inject(FindFunctions) private readonly functions: FindFunctions,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /** @throws DomainError `request.invalid` for a range that is empty or too long. */
  async ofTenant(tenant: TenantRow, query: Query): Promise<OutputOf<'getUsage'>> {
    const range = this.range(query);
    const rows = await this.store.list(tenant.id, { ...range, functionId: null });
    const functions = [...Map.groupBy(rows, (row) => row.functionId)].map(([functionId, of]) => {
      const { name = '', isRemoved = false } = of[0] ?? {};
      return { functionId, name, isRemoved, ...addUp(of) };
    });
    functions.sort((a, b) => a.name.localeCompare(b.name));
    return { ...text(range), total: addUp(rows), functions, hours: byHour(rows) };
  }

  /** @throws DomainError `function.not_found`, `request.invalid` */
  async ofFunction(
    tenant: TenantRow,
    name: string,
    { environment, ...query }: InputOf<'getFunctionUsage'>['query'],
  ): Promise<OutputOf<'getFunctionUsage'>> {
    const range = this.range(query);
    const { id: functionId } = await this.functions.place(tenant, { environment, name });
    const rows = await this.store.list(tenant.id, { ...range, functionId });
    return { ...text(range), total: addUp(rows), hours: byHour(rows) };
  }

  private range(query: Query): { from: Date; to: Date } {
    const to = hourFrom(query.to === undefined ? this.system.now() : new Date(query.to));
    const from = query.from === undefined ? hoursBefore(to, 24) : hourOf(new Date(query.from));
    const hours = (to.getTime() - from.getTime()) / 3_600_000;
    if (hours > 0 && hours <= maxHours) return { from, to };
    const detail = 'Ask for at least one hour and at most 92 days, with "from" before "to".';
    throw new DomainError('request.invalid', detail, { errors: [{ pointer: '/query/from', detail }] });
  }
}

function byHour(rows: readonly UsageRow[]): OutputOf<'getUsage'>['hours'] {
  return [...Map.groupBy(rows, (row) => row.hour.toISOString())].map(([hour, of]) => ({ hour, ...addUp(of) }));
}

function text({ from, to }: { from: Date; to: Date }): { from: string; to: string } {
  return { from: from.toISOString(), to: to.toISOString() };
}
