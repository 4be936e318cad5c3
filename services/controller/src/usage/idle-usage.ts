import type { IdleUsage } from '@wherry/db';
import { replicasByRevision, type World } from '../reconcile/world';

/** A gap longer than this is not metered: the controller, or the whole machine, was away for it. */
const longestMs = 120_000;

/**
 * What replicas cost that a function's minimum keeps while no call needs them, from `sinceMs` until now, by tenant.
 * Time from the last request on counts; nothing counts while a call is in flight, as that is metered by its receipt.
 */
export function idleUsage(world: World, sinceMs: number, nowMs: number): ReadonlyMap<string, IdleUsage[]> {
  const usages = new Map<string, IdleUsage[]>();
  if (nowMs - sinceMs > longestMs) return usages;
  const replicas = replicasByRevision(world.observed);
  for (const revisionId of world.snapshot.routed) {
    const revision = world.snapshot.revisions.get(revisionId);
    if (!revision || revision.config.scale.min === 0) continue;
    const activity = world.traffic.activity.get(revisionId);
    const ready = (replicas.get(revisionId) ?? []).filter((replica) => replica.state === 'ready');
    const kept = ready.slice(0, revision.config.scale.min);
    const idleMs = kept.reduce((sum, { startedAtMs }) => {
      const from = Math.max(sinceMs, startedAtMs, activity?.lastRequestAtMs ?? 0);
      return sum + Math.max(0, nowMs - from);
    }, 0);
    if (idleMs === 0 || (activity?.inFlight ?? 0) > 0) continue;
    const usage = {
      functionId: revision.functionId,
      atMs: nowMs,
      idleMibMs: Math.round(idleMs * revision.config.memoryMiB),
    };
    usages.set(revision.tenantId, [...(usages.get(revision.tenantId) ?? []), usage]);
  }
  return usages;
}
