/** A pod as planning sees it. Those that are being deleted, or have ended, are not among them. */
export type PlannedPod = Readonly<{
  id: string;
  isReady: boolean;
  isCrashed: boolean;
  isLeaving: boolean;
  isDrained: boolean;
  /** Whether Kubernetes was told to remove it first. */
  isMarkedFirst: boolean;
}>;

/** What to write. `replicas` is the Deployment's; `leave` and `markFirst` name pods. */
export type GenerationPlan = Readonly<{ replicas: number; leave: readonly string[]; markFirst: readonly string[] }>;

/**
 * How many pods a generation needs now, and which of them should leave. Pure and level-based.
 *
 * A ReplicaSet that shrinks removes first the pods that are not ready, then those with the least deletion cost. So a pod
 * that leaves is given up only while nothing that stays is unready, and only after its mark was seen: else Kubernetes
 * would remove another one.
 */
export function planGeneration(wanted: number, pods: readonly PlannedPod[]): GenerationPlan {
  const rank = (each: PlannedPod) => (each.isReady ? 0 : each.isCrashed ? 2 : 1);
  // By their names where nothing else tells them apart: another controller that decides meanwhile decides the same.
  const order = (a: PlannedPod, b: PlannedPod) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1);
  const staying = pods.filter((each) => !each.isLeaving).toSorted(order);
  const leave = staying.slice(wanted).filter((each) => each.isReady);
  const finished = pods.filter((each) => each.isLeaving && (each.isDrained || !each.isReady));
  const isSafe = staying.filter((each) => each.isReady).length >= wanted;
  const removed = isSafe ? finished.filter((each) => each.isMarkedFirst) : [];
  const leavingCount = pods.filter((each) => each.isLeaving).length + leave.length;
  return {
    replicas: wanted + leavingCount - removed.length,
    leave: leave.map((each) => each.id),
    markFirst: finished.filter((each) => !each.isMarkedFirst).map((each) => each.id),
  };
}

/** The same for a generation that another one replaces, or null when nothing of it is left and it can go. */
export function planOutdated(isReplaced: boolean, pods: readonly PlannedPod[]): GenerationPlan | null {
  if (pods.length === 0) return null;
  // Until it is replaced it keeps exactly those that serve.
  const wanted = isReplaced ? 0 : pods.filter((each) => each.isReady && !each.isLeaving).length;
  return planGeneration(wanted, pods);
}
