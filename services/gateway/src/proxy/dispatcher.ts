import { RouteTable } from '../routing/route-table';
import { FunctionCalls } from './function-calls';
import type { Platform } from './platform';

/** The route table in use, and the calls of each function in it. */
export class Dispatcher {
  private table = RouteTable.empty;
  private readonly functions = new Map<string, FunctionCalls>();

  constructor(private readonly platform: Platform) {}

  find(label: string, functionName: string): FunctionCalls | undefined {
    const route = this.table.find(label, functionName);
    return route === undefined ? undefined : this.functions.get(route.functionId);
  }

  /** What a password for anything under this host label must match; null where none is asked for. */
  passwordHash(label: string): string | null {
    return this.table.passwordHash(label);
  }

  /** Calls that were sent to a replica and have not ended, and calls that wait for one. */
  counts(): { inFlight: number; parked: number } {
    const counts = { inFlight: 0, parked: 0 };
    for (const calls of this.functions.values()) {
      counts.inFlight += calls.inFlight;
      counts.parked += calls.parkedCount;
    }
    return counts;
  }

  /** Takes another table into use. All routes move between two requests; waiting calls move with their function. */
  apply(table: RouteTable): void {
    const former = this.table;
    for (const route of table.routes()) {
      const calls = this.functions.get(route.functionId);
      if (calls === undefined) this.functions.set(route.functionId, new FunctionCalls(route, this.platform));
      else if (former.findById(route.functionId) !== route) calls.update(route);
    }
    this.table = table;
    for (const [functionId, calls] of this.functions) {
      if (table.findById(functionId) !== undefined) continue;
      this.functions.delete(functionId);
      calls.remove();
    }
  }
}
