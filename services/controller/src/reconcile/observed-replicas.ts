import type { ObservedReplica } from '@wherry/engine';
import { redact } from '../secrets/redact';
import type { RevisionSecrets } from './world';

/**
 * Replicas as the engine last reported them, how often each has crashed since it was first seen, and which have gone
 * though the rows that were read still name them.
 */
export class ObservedReplicas {
  private readonly byId = new Map<string, ObservedReplica>();
  private readonly crashCounts = new Map<string, number>();
  private readonly goneIds = new Set<string>();

  /** @param secretsOf the opened secrets of a revision: what a replica says in its last words must not hold them. */
  constructor(private readonly secretsOf: (revisionId: string) => RevisionSecrets | undefined) {}

  get replicas(): ReadonlyMap<string, ObservedReplica> {
    return this.byId;
  }

  get crashes(): ReadonlyMap<string, number> {
    return this.crashCounts;
  }

  get gone(): ReadonlySet<string> {
    return this.goneIds;
  }

  get size(): number {
    return this.byId.size;
  }

  /** Takes a report, and returns it with its reason redacted; one that starts again keeps that of its last crash. */
  put(reported: ObservedReplica): ObservedReplica {
    const id = reported.replicaId;
    // While it starts again, its last words still tell most of why it does not serve.
    const lastWords = reported.state === 'starting' ? (this.byId.get(id)?.reason ?? null) : null;
    const replica = { ...reported, reason: this.redacted(reported) ?? lastWords };
    if (replica.state === 'gone') {
      this.byId.delete(id);
      this.crashCounts.delete(id);
      this.goneIds.add(id);
      return replica;
    }
    this.goneIds.delete(id);
    const before = this.byId.get(id);
    const isRepeated = before?.state === 'crashed' && before.restarts === replica.restarts;
    if (replica.state === 'crashed' && !isRepeated) this.crashCounts.set(id, (this.crashCounts.get(id) ?? 0) + 1);
    this.byId.set(id, replica);
    return replica;
  }

  /** Takes the rows that were read anew: one that went and has no row any more needs no memory. */
  rowsRead(rows: ReadonlyMap<string, unknown>): void {
    for (const id of this.goneIds) if (!rows.has(id)) this.goneIds.delete(id);
  }

  /** Without the opened values nothing can be redacted, so nothing is told. */
  private redacted({ revisionId, reason }: ObservedReplica): string | null {
    const secrets = this.secretsOf(revisionId);
    return reason !== null && secrets?.ok ? redact(reason, secrets.values.values()) : null;
  }

  /** Forgets all: the engine is about to report every replica that exists. */
  clear(): void {
    this.byId.clear();
    this.crashCounts.clear();
  }
}
