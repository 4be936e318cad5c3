import { isDeepStrictEqual } from 'node:util';
import type { ObservedReplica } from '../engine';
import { Wake } from '../wake';

/** What the observer was told of each replica, and what it still has to hear, in order. */
export class Told {
  private readonly current = new Map<string, ObservedReplica>();
  private unseen: ObservedReplica[] = [];
  private readonly wake = new Wake();

  get(replicaId: string): ObservedReplica | undefined {
    return this.current.get(replicaId);
  }

  /** Nothing is told twice in a row. */
  tell(replica: ObservedReplica): void {
    const before = this.current.get(replica.replicaId);
    if (isDeepStrictEqual(before, replica) || (!before && replica.state === 'gone')) return;
    if (replica.state === 'gone') this.current.delete(replica.replicaId);
    else this.current.set(replica.replicaId, replica);
    this.unseen.push(replica);
    this.wake.notify();
  }

  async *observe(ended: AbortSignal): AsyncIterable<ObservedReplica> {
    this.unseen = [...this.current.values()];
    while (!ended.aborted) {
      const changes = this.unseen.splice(0);
      yield* changes;
      if (this.unseen.length === 0) await this.wake.wait(ended);
    }
  }
}
