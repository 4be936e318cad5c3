import type { DesiredRevision, ObservedReplica } from '../engine';

/** `stopping`: was told to end, and is `leaving` or not seen at all from outside until it is `gone`. */
export type ReplicaState = ObservedReplica['state'] | 'stopping';

export type ReplicaView = Readonly<{
  replicaId: string;
  revisionId: string;
  secretsVersion: string;
  state: ReplicaState;
  /** When a crashed one may start again. */
  nextStartAtMs: number;
}>;

export type Action =
  Readonly<{ kind: 'start'; revisionId: string }> | Readonly<{ kind: 'restart' | 'leave' | 'stop'; replicaId: string }>;

const firstBackoffMs = 1000;
const maxBackoffMs = 30_000;

/** How long a crashed replica waits; `restarts` counts those it had since it last ran well. */
export function backoffMs(restarts: number): number {
  return Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.min(restarts, 10));
}

/**
 * What to do now so that the replicas become as wished. Pure, and level-based: it only compares, so it may be asked at
 * any moment and after any interruption. Only a replica that serves is `leave`d, and it is stopped when it is `drained`;
 * one that does not serve yet is stopped at once.
 */
export function decide(
  wish: ReadonlyMap<string, DesiredRevision>,
  all: readonly ReplicaView[],
  nowMs: number,
): Action[] {
  const actions: Action[] = [];
  const known = all.filter((each) => each.state !== 'gone' && each.state !== 'stopping');
  for (const each of known) if (!wish.has(each.revisionId)) actions.push({ kind: 'stop', replicaId: each.replicaId });
  for (const revision of wish.values()) {
    const replicas = known.filter((each) => each.revisionId === revision.revisionId);
    actions.push(...decideRevision(revision, replicas, nowMs));
  }
  return actions;
}

function decideRevision(revision: DesiredRevision, replicas: readonly ReplicaView[], nowMs: number): Action[] {
  const actions: Action[] = [];
  const leave = (each: ReplicaView) =>
    actions.push({ kind: each.state === 'ready' ? 'leave' : 'stop', replicaId: each.replicaId });
  const wanted = revision.replicas;
  const staying = replicas.filter((each) => each.state !== 'leaving');
  const current = staying.filter((each) => each.secretsVersion === revision.secretsVersion);
  const outdated = staying.filter((each) => each.secretsVersion !== revision.secretsVersion);

  // Those that serve are kept first, then those that may serve soonest.
  const order = { ready: 0, starting: 1, crashed: 2 } as Record<ReplicaState, number>;
  const ranked = current.toSorted((a, b) => order[a.state] - order[b.state]);
  for (const each of ranked.slice(wanted)) leave(each);
  for (const each of ranked.slice(0, wanted)) {
    if (each.state === 'crashed' && each.nextStartAtMs <= nowMs) {
      actions.push({ kind: 'restart', replicaId: each.replicaId });
    }
  }
  for (let count = current.length; count < wanted; count += 1) {
    actions.push({ kind: 'start', revisionId: revision.revisionId });
  }

  // Replicas with former secrets serve until as many with the new ones do.
  const isReplaced = current.filter((each) => each.state === 'ready').length >= wanted;
  for (const each of outdated) if (isReplaced || each.state !== 'ready') leave(each);
  for (const each of replicas) {
    if (each.state === 'leaving' && revision.drained.has(each.replicaId)) {
      actions.push({ kind: 'stop', replicaId: each.replicaId });
    }
  }
  return actions;
}
