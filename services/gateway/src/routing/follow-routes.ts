import type { RoutingNames, RoutingRead } from '@wherry/db';
import { RouteTable } from './route-table';

/** The part of `RoutingStore` and `GatewayStore` that following the routes needs. */
export type RoutingSource = Readonly<{
  readAll: () => Promise<RoutingRead>;
  readNamed: (names: RoutingNames) => Promise<RoutingRead>;
  acknowledge: (version: bigint) => Promise<void>;
  /** Sends a notification to the routing channel, and so to ourselves. */
  notify: (payload: string) => Promise<void>;
}>;

export type FollowOptions = Readonly<{
  source: RoutingSource;
  gatewayId: string;
  apply: (table: RouteTable) => void;
  tally: (op: string, error: unknown) => void;
}>;

/** What notifications have named: tenant ids by the ids of functions, revisions and environments. */
type Names = Readonly<Record<'functions' | 'revisions' | 'environments', ReadonlyMap<string, string>>>;

/** Waits after a failed read, in milliseconds; the last one repeats. */
const backoffMs = [50, 100, 250, 500, 1_000];

/**
 * Keeps the route table up to date. Notifications name what changed; they are gathered until the read before them has
 * ended, and only the named is read. A version may be acknowledged only when everything up to it is in use here, also
 * what was removed and so has no row to be read: therefore, after a newer version was seen, a notification is sent to
 * ourselves. PostgreSQL delivers in the order of commits, so when it comes back, all that belongs to that version has
 * been named before it, and once that is read, the version is acknowledged.
 */
export class RouteFollower {
  private table = RouteTable.empty;
  private functions = new Map<string, string>();
  private revisions = new Map<string, string>();
  private environments = new Map<string, string>();
  private needsAll = false;
  private running: Promise<void> | null = null;
  private failures = 0;
  private isStopped = false;
  private retry: NodeJS.Timeout | null = null;
  private firstRead: (() => void) | null = null;
  /** The newest version that was seen; the newest of which all is in use here; the newest that was told. */
  private newest = 0n;
  private reached = 0n;
  private told = 0n;
  private telling = false;
  /** A notification to ourselves that has not come back, and what it stands for. */
  private barrier: { id: string; version: bigint; hasReturned: boolean } | null = null;
  private barriers = 0;

  constructor(private readonly options: FollowOptions) {}

  /** Resolves after the first full read: only then is it known what exists. */
  readonly whenRead = new Promise<void>((resolve) => {
    this.firstRead = resolve;
  });

  /** The version that may be told to others. */
  get version(): bigint {
    return this.reached;
  }

  /** Reads everything: after each connect of the listener, and now and then. */
  readAll(): void {
    this.needsAll = true;
    this.wakeUp();
  }

  /** There is this version: makes sure that it will be reached, and told. */
  seen(version: bigint): void {
    if (version > this.newest) this.newest = version;
    if (this.newest > this.reached && this.barrier === null) this.raiseBarrier(this.newest);
    if (this.reached > this.told) void this.tell();
  }

  onNotification(payload: string): void {
    const [kind, first = '', second = ''] = payload.split('/');
    if (kind === 'route') this.functions.set(second, first);
    else if (kind === 'revision') this.revisions.set(second, first);
    else if (kind === 'environment') this.environments.set(second, first);
    else if (kind === 'barrier' && this.barrier !== null && first === this.barrier.id) this.barrier.hasReturned = true;
    else return;
    this.wakeUp();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.retry !== null) clearTimeout(this.retry);
    await this.running;
  }

  private wakeUp(): void {
    if (this.isStopped || this.running !== null || this.retry !== null) return;
    // A deployment's notifications come together; let all of them be heard before reading.
    this.running = new Promise((resolve) => setImmediate(resolve)).then(() => this.catchUp());
  }

  private async catchUp(): Promise<void> {
    try {
      while (!this.isStopped && (await this.step()));
      this.failures = 0;
    } catch (error) {
      this.options.tally('routes.read', error);
      const wait = backoffMs[Math.min(this.failures, backoffMs.length - 1)];
      this.failures += 1;
      this.retry = setTimeout(() => {
        this.retry = null;
        this.wakeUp();
      }, wait);
    } finally {
      this.running = null;
    }
  }

  /** One read, if there is something to read. False when all is done. */
  private async step(): Promise<boolean> {
    if (this.needsAll) await this.readEverything();
    else if (this.functions.size + this.revisions.size + this.environments.size > 0) await this.readNamed();
    else if (this.barrier?.hasReturned === true) this.reach(this.barrier.version);
    else return false;
    return true;
  }

  private async readEverything(): Promise<void> {
    this.needsAll = false;
    const names = this.takeNames();
    try {
      const { version, rows } = await this.options.source.readAll();
      this.use(RouteTable.of(rows));
      // This also ends a wait for a notification that a lost connection took with it.
      this.reach(version);
      this.firstRead?.();
    } catch (error) {
      this.needsAll = true;
      this.putBack(names);
      throw error;
    }
  }

  private async readNamed(): Promise<void> {
    const names = this.takeNames();
    const { functions, revisions, environments } = names;
    const returned = this.barrier?.hasReturned === true ? this.barrier : null;
    const named = {
      functions: [...functions].map(([functionId, tenantId]) => ({ tenantId, functionId })),
      revisions: [...revisions].map(([revisionId, tenantId]) => ({ tenantId, revisionId })),
      environments: [...environments].map(([environmentId, tenantId]) => ({ tenantId, environmentId })),
    };
    try {
      const { version, rows } = await this.options.source.readNamed(named);
      if (rows.length > 0 || functions.size > 0 || environments.size > 0) {
        const functionIds = new Set(functions.keys());
        this.use(this.table.with({ functionIds, environmentIds: new Set(environments.keys()), rows }));
      }
      if (returned !== null && returned === this.barrier) this.reach(returned.version);
      this.seen(version);
    } catch (error) {
      this.putBack(names);
      throw error;
    }
  }

  private raiseBarrier(version: bigint): void {
    this.barriers += 1;
    const barrier = { id: `${this.options.gatewayId}-${this.barriers}`, version, hasReturned: false };
    this.barrier = barrier;
    this.options.source.notify(`barrier/${barrier.id}`).catch((error: unknown) => {
      this.options.tally('routes.barrier', error);
      if (this.barrier === barrier) this.barrier = null;
    });
  }

  /** All up to this version is in use. */
  private reach(version: bigint): void {
    this.barrier = null;
    if (version > this.reached) this.reached = version;
    this.seen(version);
  }

  /** Beside the reading, which has calls that wait for it. Tried again when a version is seen. */
  private async tell(): Promise<void> {
    if (this.telling) return;
    this.telling = true;
    try {
      while (this.reached > this.told) {
        const version = this.reached;
        await this.options.source.acknowledge(version);
        this.told = version;
      }
    } catch (error) {
      this.options.tally('routes.acknowledge', error);
    } finally {
      this.telling = false;
    }
  }

  private use(table: RouteTable): void {
    this.table = table;
    this.options.apply(table);
  }

  private takeNames(): Names {
    const { functions, revisions, environments } = this;
    this.functions = new Map();
    this.revisions = new Map();
    this.environments = new Map();
    return { functions, revisions, environments };
  }

  private putBack({ functions, revisions, environments }: Names): void {
    for (const [id, tenantId] of functions) this.functions.set(id, tenantId);
    for (const [id, tenantId] of revisions) this.revisions.set(id, tenantId);
    for (const [id, tenantId] of environments) this.environments.set(id, tenantId);
  }
}
