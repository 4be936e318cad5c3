import { conditionOf, type Deployment, functionPort, names, type Pod, type Terminated } from '@wherry/cluster';
import type { ObservedReplica } from '../engine';
import { LogParser } from '../log-parser';
import { functionUid, healthPath } from './render';

/** `null`: the values are not known, so nothing that the function printed may be shown. */
export type Needles = readonly string[] | null;
/** `servedRun`: the number of restarts at which it last served; undefined when nobody saw it serve. */
export type ObserveSettings = Readonly<{ startSeconds: number; servedRun?: number | undefined }>;

/** Why a container waits although nothing ends it: the cluster cannot start it, and tries again. */
const cannotStart =
  /^(ErrImage|ImagePull|ImageInspect|InvalidImageName|RegistryUnavailable|Create.*Error|RunContainerError|StartError|PostStartHookError)/;
const keptLines = 20;
/** From the decision that a container did not start until it is gone, at most. */
const probeKillSeconds = 10;
/** Of the end of the output, Kubernetes keeps so much: then its first line may begin inside a secret. */
const messageBytes = 2048;

export function replicaIdOf(pod: Pod): string {
  return `rpl_${pod.metadata.uid.replaceAll('-', '')}`;
}

/** What a pod is to the controller. Pure. */
export function observePod(pod: Pod, needles: Needles, settings: ObserveSettings): ObservedReplica {
  const status = pod.status?.containerStatuses?.[0];
  const base = { ...identity(pod), replicaId: replicaIdOf(pod), restarts: status?.restartCount ?? 0 };
  const plain = (state: 'starting' | 'gone' | 'crashed', reason: string | null) =>
    ({ ...base, state, endpoint: null, reason }) satisfies ObservedReplica;
  if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') {
    const { reason = 'Ended', message = 'the pod ended.' } = pod.status;
    return plain('gone', `The cluster ended it (${reason}): ${message}`);
  }
  const isReady = conditionOf(pod.status?.conditions, 'Ready')?.status === 'True' && pod.status?.podIP !== undefined;
  if (isReady) {
    const endpoint = { kind: 'tcp', host: pod.status!.podIP!, port: functionPort } as const;
    return { ...base, state: isLeaving(pod) ? 'leaving' : 'ready', endpoint, reason: null };
  }
  const waiting = status?.state?.waiting;
  if (waiting?.reason && cannotStart.test(waiting.reason)) return plain('crashed', startProblem(waiting));
  const isBackingOff = waiting?.reason === 'CrashLoopBackOff' ? status?.lastState?.terminated : undefined;
  const ended = status?.state?.terminated ?? isBackingOff;
  if (ended) return plain('crashed', describeEnd(ended, pod, base.restarts, needles, settings));
  // The cluster starts it again by itself, at once or after a while. It stays a crashed one until it serves.
  const crash = status?.started === true ? null : missedCrash(pod, needles, settings);
  if (crash) return crash;
  const scheduled = conditionOf(pod.status?.conditions, 'PodScheduled');
  if (scheduled?.status === 'False') {
    return plain(
      'starting',
      `No node of the cluster can take it: ${scheduled.message ?? scheduled.reason ?? 'unknown'}`,
    );
  }
  return plain('starting', null);
}

/** The crash that the present run came after. */
export function missedCrash(pod: Pod, needles: Needles, settings: ObserveSettings): ObservedReplica | null {
  const status = pod.status?.containerStatuses?.[0];
  const ended = status?.lastState?.terminated;
  if (!status || !ended || status.restartCount === 0) return null;
  const restarts = status.restartCount - 1;
  const reason = describeEnd(ended, pod, restarts, needles, settings);
  return { ...identity(pod), replicaId: replicaIdOf(pod), restarts, state: 'crashed', endpoint: null, reason };
}

/** Why a Deployment gets no pods, such as a quota or an admission policy; null when it gets them. */
export function deploymentProblem(deployment: Deployment): string | null {
  const failure = conditionOf(deployment.status?.conditions, 'ReplicaFailure');
  return failure?.status === 'True' ? refusal(failure.message ?? 'no reason was given.') : null;
}

/** A refusal by the API server, in words. */
export function refusal(message: string): string {
  if (/exceeded quota/.test(message)) return `The tenant's quota in the cluster is used up: ${message}`;
  if (/denied the request|ValidatingAdmissionPolicy|violates PodSecurity/.test(message)) {
    return `A policy of the cluster does not allow it: ${message}`;
  }
  return `The cluster refused it: ${message}`;
}

export function isLeaving(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined || pod.metadata.annotations?.[names.leaving] !== undefined;
}

function identity({ metadata }: Pod) {
  const label = (name: string) => metadata.labels?.[name] ?? '';
  return {
    tenantId: `ten_${label(names.tenant)}`,
    revisionId: `rev_${label(names.revision)}`,
    startedAtMs: Date.parse(metadata.creationTimestamp),
  };
}

function startProblem({ reason = '', message = '' }: { reason?: string; message?: string }): string {
  if (/exec format error|no match for platform/.test(message)) {
    return `Its image is for another kind of processor than the cluster's nodes have (${reason}): ${message}`;
  }
  const isPull = /Image|Registry/.test(reason);
  return `${isPull ? 'Its image could not be pulled' : 'Its container could not be started'} (${reason}): ${message}`;
}

function describeEnd(
  ended: Terminated,
  pod: Pod,
  run: number,
  needles: Needles,
  { startSeconds, servedRun }: ObserveSettings,
): string {
  const limit = pod.spec.containers?.[0]?.resources?.limits?.memory;
  if (ended.reason === 'OOMKilled') return withLines(`It used more memory than its limit of ${limit}.`, ended, needles);
  const ranSeconds = (Date.parse(ended.finishedAt ?? '') - Date.parse(ended.startedAt ?? '')) / 1000;
  // Kubernetes forgets why it ended a container. One that nobody saw serve, and that ended about when its time to start
  // was over, was ended for that.
  const neverServed =
    servedRun !== run && ranSeconds >= startSeconds - 1 && ranSeconds <= 3 * startSeconds + probeKillSeconds;
  const how = ended.signal ? `was ended by signal ${ended.signal}` : `ended with code ${ended.exitCode}`;
  const text = neverServed
    ? `It did not answer GET ${healthPath} on port ${functionPort} with 200 within ${startSeconds} s; it ${how}.`
    : `It ${how}.`;
  return withLines(text + hintAt(ended.message ?? ''), ended, needles);
}

/** What the end of the output says of the platform's rules. */
function hintAt(output: string): string {
  if (/exec format error/.test(output))
    return " Its image is for another kind of processor than the cluster's nodes have.";
  if (
    !/\b(EACCES|EPERM|EROFS)\b|permission denied|operation not permitted|read-only file system|\broot\b/i.test(output)
  )
    return '';
  return ` Functions run as user ${functionUid}, never as root, and write to /tmp only: an image that needs more does not start.`;
}

function withLines(text: string, { message }: Terminated, needles: Needles): string {
  if (!message) return text;
  if (needles === null) return `${text} What it printed is not shown, because its secrets are not known.`;
  const parser = new LogParser(needles, 0);
  const lines = [...parser.push(Buffer.from(message)), ...parser.flush()].map((each) => each.text);
  if (Buffer.byteLength(message) >= messageBytes - 3) lines.shift();
  return [`${text} Its last lines:`, ...lines.slice(-keptLines)].join('\n');
}
