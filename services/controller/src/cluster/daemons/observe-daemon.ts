import { conditionOf, daemonPort, type Deployment, holds, type Pod } from '@wherry/cluster';
import type { BuildDaemonReport } from '@wherry/db';

export type DaemonPod = Pick<Pod, 'metadata' | 'status'>;
export type DaemonDeployment = Pick<Deployment, 'metadata' | 'status'> &
  Readonly<{ spec: Partial<Deployment['spec']> }>;

/** Waiting reasons that do not pass by themselves. */
const hopeless: Readonly<Record<string, string>> = {
  ErrImagePull: 'its image cannot be pulled',
  ImagePullBackOff: 'its image cannot be pulled',
  InvalidImageName: 'the name of its image is not one',
  CreateContainerConfigError: 'its container cannot be made',
  CreateContainerError: 'its container cannot be made',
  CrashLoopBackOff: 'it ends again and again',
};
const advice = 'Tell the operator of the platform.';
const longestReason = 500;

/** What is to be said of a wanted daemon. Pure. `deployment` is undefined while the cluster has not told of it. */
export function observeDaemon(deployment: DaemonDeployment | undefined, pods: readonly DaemonPod[]): BuildDaemonReport {
  const alive = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const ready = alive.find((pod) => holds(pod.status?.conditions, 'Ready') && pod.status?.podIP);
  if (ready) return { state: 'ready', address: `tcp://${ready.status!.podIP}:${daemonPort}`, reason: null };
  const conditions = deployment?.status?.conditions;
  if (holds(conditions, 'ReplicaFailure') && alive.length === 0)
    return failed('the cluster refuses its pod', conditionOf(conditions, 'ReplicaFailure')?.message);
  for (const container of alive.flatMap((pod) => pod.status?.containerStatuses ?? [])) {
    const { reason = '', message } = container.state?.waiting ?? {};
    const why = hopeless[reason];
    if (why !== undefined) return failed(why, container.lastState?.terminated?.message ?? message);
  }
  const unscheduled = alive
    .flatMap((pod) => pod.status?.conditions ?? [])
    .find((each) => each.type === 'PodScheduled' && each.status === 'False');
  // A cluster may add a node for it: late, not failed.
  if (unscheduled) return starting(`No node has room for it: ${unscheduled.message ?? 'unschedulable'}`);
  return starting(null);
}

/** The daemon could not be made at all. */
export function failedDaemon(message: string): BuildDaemonReport {
  return failed('the cluster refuses it', message);
}

function starting(reason: string | null): BuildDaemonReport {
  return { state: 'starting', address: null, reason: reason?.slice(0, longestReason) ?? null };
}

function failed(why: string, message = ''): BuildDaemonReport {
  const told = message === '' ? '' : ` (${message.trim().slice(0, longestReason)})`;
  return { state: 'failed', address: null, reason: `The build daemon does not start: ${why}${told}. ${advice}` };
}
