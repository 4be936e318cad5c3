import { environmentLabel } from '@wherry/domain';
import type { Endpoint } from '@wherry/engine';
import type { ReplicaState, RouteRow } from '@wherry/db';

/** A replica that calls may be sent to. */
export type ReadyReplica = Readonly<{ replicaId: string; address: string; endpoint: Endpoint }>;

/** Where the calls of one function go now. Never changed: a move makes another one. */
export type Route = Readonly<{
  tenantId: string;
  environmentId: string;
  /** The host label that it is served under. */
  label: string;
  /** What the password of its preview must match; null where none is asked for. */
  passwordHash: string | null;
  functionId: string;
  functionName: string;
  revisionId: string;
  memoryMiB: number;
  timeoutMs: number;
  ready: readonly ReadyReplica[];
  /** Crashes in a row of the replica that waits for its next start; 0 when none does. */
  crashes: number;
}>;

/** What was named by notifications, and the rows that were found for it. */
export type RouteChange = Readonly<{
  functionIds: ReadonlySet<string>;
  environmentIds: ReadonlySet<string>;
  rows: readonly RouteRow[];
}>;

/** All routes at one moment. Immutable, so that every request sees the state before or after a change, never between. */
export class RouteTable {
  static readonly empty = new RouteTable(new Map(), new Map());

  private constructor(
    private readonly byLabel: ReadonlyMap<string, ReadonlyMap<string, Route>>,
    private readonly byFunction: ReadonlyMap<string, Route>,
  ) {}

  static of(rows: readonly RouteRow[]): RouteTable {
    return RouteTable.empty.with({ functionIds: new Set(), environmentIds: new Set(), rows });
  }

  find(label: string, functionName: string): Route | undefined {
    return this.byLabel.get(label)?.get(functionName);
  }

  /** What a password for anything under this label must match; null where none is asked for. */
  passwordHash(label: string): string | null {
    // All functions under a label are of one environment.
    for (const route of this.byLabel.get(label)?.values() ?? []) return route.passwordHash;
    return null;
  }

  findById(functionId: string): Route | undefined {
    return this.byFunction.get(functionId);
  }

  routes(): Iterable<Route> {
    return this.byFunction.values();
  }

  /** The table after a change: rows are put in; what was named, by itself or with its environment, and has no row has lost its route. */
  with(change: RouteChange): RouteTable {
    const byLabel = new Map(this.byLabel);
    const byFunction = new Map(this.byFunction);
    const copied = new Map<string, Map<string, Route>>();
    const ofLabel = (label: string): Map<string, Route> => {
      const known = copied.get(label);
      if (known !== undefined) return known;
      const copy = new Map(byLabel.get(label));
      copied.set(label, copy);
      byLabel.set(label, copy);
      return copy;
    };
    const routes = change.rows.map(toRoute);
    const ofEnvironments = change.environmentIds.size === 0 ? [] : this.routesOf(change.environmentIds);
    const named = [...change.functionIds, ...ofEnvironments, ...routes.map((route) => route.functionId)];
    for (const id of named) {
      const former = byFunction.get(id);
      if (former === undefined) continue;
      const functions = ofLabel(former.label);
      // A name that was given up may already belong to another function.
      if (functions.get(former.functionName)?.functionId === id) functions.delete(former.functionName);
      byFunction.delete(id);
    }
    for (const route of routes) {
      byFunction.set(route.functionId, route);
      ofLabel(route.label).set(route.functionName, route);
    }
    for (const [label, functions] of copied) if (functions.size === 0) byLabel.delete(label);
    return new RouteTable(byLabel, byFunction);
  }

  private routesOf(environmentIds: ReadonlySet<string>): string[] {
    const routes = [...this.byFunction.values()].filter((route) => environmentIds.has(route.environmentId));
    return routes.map((route) => route.functionId);
  }
}

function toRoute(row: RouteRow): Route {
  return Object.freeze({
    tenantId: row.tenantId,
    environmentId: row.environmentId,
    label: environmentLabel(row),
    passwordHash: row.passwordHash,
    functionId: row.functionId,
    functionName: row.functionName,
    revisionId: row.revisionId,
    memoryMiB: row.memoryMiB,
    timeoutMs: row.timeoutMs,
    ready: row.replicas.flatMap(toReady),
    crashes: Math.max(
      0,
      ...row.replicas.filter(({ state }) => state === 'crashed').map(({ restarts }) => restarts + 1),
    ),
  });
}

/** A replica whose address cannot be read is left out: the others still serve. */
function toReady(replica: ReplicaState): ReadyReplica[] {
  if (replica.state !== 'ready' || replica.address === null) return [];
  const endpoint = parseEndpoint(replica.address);
  return endpoint === null ? [] : [{ replicaId: replica.id, address: replica.address, endpoint }];
}

function parseEndpoint(address: string): Endpoint | null {
  try {
    const value = JSON.parse(address) as Record<string, unknown>;
    if (value.kind === 'unix' && typeof value.path === 'string') return { kind: 'unix', path: value.path };
    if (value.kind === 'tcp' && typeof value.host === 'string' && typeof value.port === 'number') {
      return { kind: 'tcp', host: value.host, port: value.port };
    }
    return null;
  } catch {
    return null;
  }
}
