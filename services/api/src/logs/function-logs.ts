import { Inject, Injectable } from '@nestjs/common';
import { ConsoleLogStore, type LogFilter, type TenantRow } from '@wherry/db';
import { FindFunctions } from '../functions/find-functions';
import { topics } from '../http/change-feed';
import type { EventSource } from '../http/event-streams';
import type { InputOf, OutputOf } from '../http/operation';
import { fromCursor, functionLine, toCursor } from './log-line';

/** Lines that a stream reads at a time. */
const batch = 500;

/** Searching and following a function's log. */
@Injectable()
export class FunctionLogs {
  constructor(
    @Inject(FindFunctions) private readonly functions: FindFunctions,
    @Inject(ConsoleLogStore) private readonly store: ConsoleLogStore,
  ) {}

  /** @throws DomainError `function.not_found` */
  async search(
    tenant: TenantRow,
    name: string,
    query: InputOf<'listFunctionLogs'>['query'],
  ): Promise<OutputOf<'listFunctionLogs'>> {
    const before = query.cursor === undefined ? null : fromCursor(query.cursor);
    const { environment, limit } = query;
    const { id: functionId } = await this.functions.place(tenant, { environment, name });
    const rows = await this.store.functionLinesBefore(tenant.id, functionId, {
      ...{ filter: filterOf(query), before, limit: limit + 1 },
    });
    const shown = rows.slice(0, limit);
    const oldest = rows.length > limit ? shown.at(-1) : undefined;
    return {
      lines: shown.map((row) => functionLine(row, name)).reverse(),
      nextCursor: oldest ? toCursor(oldest) : null,
    };
  }

  /** @param lastEventId where a reconnecting browser left off. @throws DomainError `function.not_found` */
  async follow(
    tenant: TenantRow,
    name: string,
    query: InputOf<'tailFunctionLogs'>['query'],
    lastEventId: string | undefined,
  ): Promise<EventSource> {
    const { id: functionId } = await this.functions.place(tenant, { environment: query.environment, name });
    const from = lastEventId ?? query.after;
    let after = from === undefined ? await this.store.functionLogEnd(tenant.id, functionId) : fromCursor(from);
    const filter = filterOf(query);
    return {
      topics: [topics.function(functionId)],
      read: async () => {
        const rows = await this.store.functionLinesAfter(tenant.id, functionId, { filter, after, limit: batch });
        after = rows.at(-1) ?? after;
        const events = rows.map((row) => ({
          ...{ event: 'line', id: toCursor(row), data: functionLine(row, name) },
        }));
        return { events };
      },
    };
  }
}

type Query = Partial<
  Pick<InputOf<'listFunctionLogs'>['query'], 'from' | 'to' | 'text' | 'callId' | 'stream' | 'deployment'>
>;

function filterOf({ from, to, text, callId, stream, deployment }: Query): LogFilter {
  return {
    ...(from === undefined ? {} : { from: new Date(from) }),
    ...(to === undefined ? {} : { to: new Date(to) }),
    ...(text === undefined ? {} : { text }),
    ...(callId === undefined ? {} : { callId }),
    ...(stream === undefined ? {} : { stream }),
    ...(deployment === undefined ? {} : { deploymentId: deployment }),
  };
}
