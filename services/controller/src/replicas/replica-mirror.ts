import type { ReplicaRecord, ReplicaStore } from '@wherry/db';
import type { ObservedReplica } from '@wherry/engine';

/** What the mirror writes to; `ReplicaStore` is one. */
export type ReplicaTable = Pick<ReplicaStore, 'mirror'>;

export type MirrorEvents = Readonly<{
  /** Replicas that drain, with the routing version that says so. */
  onDraining: (versions: ReadonlyMap<string, bigint>) => void;
  onError: (tenantId: string, error: unknown) => void;
}>;

type Change = Readonly<{ replica: ReplicaRecord } | { goneId: string }>;

const retryMs = 500;
const stateNames = { starting: 'starting', ready: 'ready', leaving: 'draining', crashed: 'crashed' } as const;

/**
 * Writes what is observed, at once and newest only: while one transaction of a tenant runs, later changes to the same
 * replica replace each other, and go together in the next one. Tenants do not wait for each other.
 */
export class ReplicaMirror {
  private readonly pending = new Map<string, Map<string, Change>>();
  private readonly running = new Map<string, Promise<void>>();
  private isStopped = false;

  constructor(
    private readonly table: ReplicaTable,
    private readonly events: MirrorEvents,
  ) {}

  put(observed: ObservedReplica): void {
    const { tenantId, replicaId } = observed;
    this.add(tenantId, replicaId, changeOf(observed));
  }

  /** Removes the row of a replica that nobody reports. */
  remove(tenantId: string, replicaId: string): void {
    this.add(tenantId, replicaId, { goneId: replicaId });
  }

  /** Resolves when all that was put is written; what fails is given up instead of tried again. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.running.values());
  }

  private add(tenantId: string, replicaId: string, change: Change): void {
    const changes = this.pending.get(tenantId) ?? new Map<string, Change>();
    changes.set(replicaId, change);
    this.pending.set(tenantId, changes);
    if (this.running.has(tenantId)) return;
    this.running.set(tenantId, this.writeTenant(tenantId));
  }

  private async writeTenant(tenantId: string): Promise<void> {
    // Starts after `add` has returned, so that the entry in `running` exists before this can remove it.
    await Promise.resolve();
    for (let batch = this.take(tenantId); batch; batch = this.take(tenantId)) {
      const changes = [...batch.values()];
      const replicas = changes.flatMap((change) => ('replica' in change ? [change.replica] : []));
      const goneIds = changes.flatMap((change) => ('goneId' in change ? [change.goneId] : []));
      try {
        const versions = await this.table.mirror(tenantId, replicas, goneIds);
        if (versions.size > 0) this.events.onDraining(versions);
      } catch (error) {
        this.events.onError(tenantId, error);
        if (this.isStopped) break;
        this.putBack(tenantId, batch);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
    // In the same turn as the last `take`, so that no change can slip in between.
    this.running.delete(tenantId);
  }

  private take(tenantId: string): Map<string, Change> | undefined {
    const batch = this.pending.get(tenantId);
    this.pending.delete(tenantId);
    return batch;
  }

  /** Changes that came meanwhile are newer and stay. */
  private putBack(tenantId: string, batch: ReadonlyMap<string, Change>): void {
    this.pending.set(tenantId, new Map([...batch, ...(this.pending.get(tenantId) ?? [])]));
  }
}

function changeOf(observed: ObservedReplica): Change {
  if (observed.state === 'gone') return { goneId: observed.replicaId };
  return { replica: recordOf({ ...observed, state: observed.state }) };
}

/** The row of a replica. */
export function recordOf(observed: ObservedReplica & { state: keyof typeof stateNames }): ReplicaRecord {
  return {
    replicaId: observed.replicaId,
    revisionId: observed.revisionId,
    state: stateNames[observed.state],
    address: observed.endpoint === null ? null : JSON.stringify(observed.endpoint),
    restarts: observed.restarts,
    // PostgreSQL's text holds neither NUL nor half of a surrogate pair.
    reason: observed.reason === null ? null : observed.reason.replaceAll('\0', '\ufffd').toWellFormed(),
    startedAtMs: observed.startedAtMs,
  };
}
