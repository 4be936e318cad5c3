import {
  type ClusterClient,
  ClusterError,
  conditionOf,
  type Deployment,
  isStatus,
  keyOf,
  type Mirror,
  names,
  type ObjectRef,
  type Pod,
  type TenantScope,
} from '@wherry/cluster';
import type { Clock } from '../clock';
import type { DesiredRevision } from '../engine';
import { GenerationObjects, type LivePolicy } from './generation-objects';
import { isLeaving, refusal, replicaIdOf } from './observe-pod';
import { planGeneration, planOutdated, type GenerationPlan, type PlannedPod } from './plan';
import { identify, type RenderSettings } from './render';
import type { Told } from './told';

export type GenerationsOptions = Readonly<{
  client: ClusterClient;
  settings: RenderSettings;
  prepareNamespace: (scope: TenantScope) => Promise<void>;
  pods: Mirror<Pod>;
  deployments: Mirror<Deployment>;
  told: Told;
  clock: Clock;
  onError?: (error: unknown) => void;
}>;

const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
/** Those that leave go before those that serve, and those that may go now before those that leave. */
const [leavingCost, firstCost] = ['-1', '-2'];
const concurrency = 8;
const [firstRetryMs, maxRetryMs] = [1000, 60_000];
/** A cluster that is away may be back at any time. */
const maxUnreachableRetryMs = 4000;

/** A pod that has a node and does not get going after this may miss something that it needs. */
const stuckMs = 10_000;

type Failure = { attempts: number; retryAtMs: number };
type Task = () => Promise<void>;
/** What was there when a step began. */
type Seen = Readonly<{
  pods: ReadonlyMap<string, readonly Pod[]>;
  deployments: ReadonlyMap<string, Deployment>;
}>;

/** Makes the Deployments as wished. Level-based: each step compares anew, and may be stopped anywhere. */
export class Generations {
  private readonly objects: GenerationObjects;
  private readonly asked = new Map<string, number>();
  private readonly failures = new Map<string, Failure>();
  /** Namespace and name by revision and version of its secrets: making them takes time, and nothing else decides. */
  private keys = new Map<string, string>();
  private wish: ReadonlyMap<string, DesiredRevision> = new Map();

  constructor(private readonly options: GenerationsOptions) {
    this.objects = new GenerationObjects(options);
  }

  /** Has some of what is not watched looked at in the next step. */
  doubtOldest(count: number): void {
    this.objects.doubtOldest(count);
  }

  seen(deployment: Deployment, isGone: boolean): void {
    this.asked.delete(deployment.metadata.uid);
    this.objects.seen(keyOfObject(deployment), deployment, isGone);
  }

  seenPolicy(policy: LivePolicy, isGone: boolean): void {
    this.objects.seen(keyOfObject(policy), policy, isGone);
  }

  /** Tells why a generation has no pods, in the place of the replica that it should have; null: it has no problem. */
  report({ metadata }: Deployment, problem: string | null): void {
    const { [names.tenant]: tenant = '', [names.revision]: revision = '' } = metadata.labels ?? {};
    const attempts = this.failures.get(keyOfObject({ metadata }))?.attempts ?? 0;
    // What the last step failed at is told until a step succeeds.
    if (problem === null && this.failures.has(keyOfObject({ metadata }))) return;
    this.tellProblem(`ten_${tenant}`, `rev_${revision}`, metadata.name, { problem, attempts });
  }

  /**
   * Returns after how many milliseconds something is to be tried again, or null. What runs comes before what is idle;
   * the latter is left for the next step as soon as `isOutdated`.
   */
  async step(wish: ReadonlyMap<string, DesiredRevision>, isOutdated: () => boolean): Promise<number | null> {
    this.take(wish);
    const { urgent, idle } = this.tasks();
    await run(urgent, () => false);
    const isCutShort = await run(idle, isOutdated);
    const nowMs = this.options.clock.nowMs();
    const waits = [...this.failures.values()].map(({ retryAtMs }) => Math.max(retryAtMs - nowMs, 0));
    if (isCutShort) return 0;
    return waits.length === 0 ? null : Math.min(...waits);
  }

  private take(wish: ReadonlyMap<string, DesiredRevision>): void {
    this.wish = wish;
    const keys = new Map<string, string>();
    for (const revision of wish.values()) {
      const id = `${revision.revisionId}/${revision.secretsVersion}`;
      const { namespace, name } = this.keys.has(id) ? none : identify(revision, this.options.settings);
      keys.set(id, this.keys.get(id) ?? `${namespace}/${name}`);
    }
    this.keys = keys;
    const wished = new Set(keys.values());
    for (const key of this.failures.keys()) if (!wished.has(key)) this.failures.delete(key);
  }

  private keyOf({ revisionId, secretsVersion }: DesiredRevision): string {
    return this.keys.get(`${revisionId}/${secretsVersion}`)!;
  }

  private tasks(): Readonly<{ urgent: Task[]; idle: Task[] }> {
    const { pods, deployments } = this.options;
    const seen: Seen = {
      pods: Map.groupBy(pods.items.filter(isAlive), podKey),
      deployments: new Map(deployments.items.map((each) => [keyOfObject(each), each])),
    };
    const [urgent, idle]: [Task[], Task[]] = [[], []];
    for (const revision of this.wish.values()) {
      const key = this.keyOf(revision);
      if (revision.replicas > 0 || seen.pods.has(key)) urgent.push(() => this.keep(revision, key, seen));
      else if (!this.isSettled(key, seen.deployments.get(key))) idle.push(() => this.keep(revision, key, seen));
    }
    for (const [key, deployment] of seen.deployments) {
      if (deployment.metadata.deletionTimestamp !== undefined) continue;
      const revision = this.wish.get(`rev_${deployment.metadata.labels?.[names.revision]}`);
      if (revision && this.keyOf(revision) === key) continue;
      urgent.push(() => this.retire(deployment, revision, seen));
    }
    return { urgent, idle };
  }

  /** An idle generation about which there is nothing to do. */
  private isSettled(key: string, deployment: Deployment | undefined): boolean {
    if (!deployment || this.failures.has(key) || this.objects.get(key) === undefined) return false;
    return (this.asked.get(deployment.metadata.uid) ?? deployment.spec.replicas) === 0;
  }

  private async keep(revision: DesiredRevision, key: string, seen: Seen): Promise<void> {
    const { clock } = this.options;
    const failure = this.failures.get(key);
    if (failure && failure.retryAtMs > clock.nowMs()) return;
    const name = key.slice(key.indexOf('/') + 1);
    const own = seen.pods.get(key) ?? [];
    try {
      const mirrored = seen.deployments.get(key);
      // One of that name is being deleted.
      if (mirrored?.metadata.deletionTimestamp !== undefined) return;
      if (own.some((pod) => isStuck(pod, clock.nowMs()))) this.objects.doubt(key);
      const ensured = this.objects.get(key);
      const deployment = ensured ? (mirrored ?? ensured) : await this.objects.ensure(revision, key, mirrored);
      const planned = own.map((each) => toPlanned(each, revision.drained));
      await this.carryOut(deployment, planGeneration(revision.replicas, planned), own);
      if (this.failures.delete(key))
        this.tellProblem(revision.tenantId, revision.revisionId, name, { problem: null, attempts: 0 });
    } catch (error) {
      this.options.onError?.(error);
      const attempts = (failure?.attempts ?? -1) + 1;
      const isRefused = !isUnreachable(error);
      const longestMs = isRefused ? maxRetryMs : maxUnreachableRetryMs;
      const waitMs = Math.min(longestMs, firstRetryMs * 2 ** Math.min(attempts, 10));
      this.failures.set(key, { attempts, retryAtMs: clock.nowMs() + waitMs });
      const problem = revision.replicas === 0 ? null : inWords(error);
      this.tellProblem(revision.tenantId, revision.revisionId, name, { problem, attempts, isRefused });
    }
  }

  /** What to do with a generation that is not the present one of a revision: its pods serve until others do. */
  private async retire(deployment: Deployment, revision: DesiredRevision | undefined, seen: Seen): Promise<void> {
    const own = seen.pods.get(keyOfObject(deployment)) ?? [];
    try {
      if (!revision) return await this.remove(deployment);
      const current = seen.pods.get(this.keyOf(revision)) ?? [];
      const ready = current.filter((each) => isReady(each) && !isLeaving(each));
      const planned = own.map((each) => toPlanned(each, revision.drained));
      const plan = planOutdated(ready.length >= revision.replicas, planned);
      if (plan) await this.carryOut(deployment, plan, own);
      else await this.remove(deployment);
    } catch (error) {
      this.options.onError?.(error);
    }
  }

  private async remove(deployment: Deployment): Promise<void> {
    this.objects.forget(keyOfObject(deployment));
    await this.options.client.remove(refOf(deployment));
  }

  private async carryOut(deployment: Deployment, plan: GenerationPlan, pods: readonly Pod[]): Promise<void> {
    const { client, clock } = this.options;
    for (const pod of pods) {
      const id = replicaIdOf(pod);
      const annotations: Record<string, string> = {};
      if (plan.leave.includes(id)) {
        Object.assign(annotations, { [names.leaving]: String(clock.nowMs()), [costAnnotation]: leavingCost });
      }
      if (plan.markFirst.includes(id)) annotations[costAnnotation] = firstCost;
      if (Object.keys(annotations).length > 0) await this.annotate(pod, annotations);
    }
    const { uid } = deployment.metadata;
    if ((this.asked.get(uid) ?? deployment.spec.replicas) === plan.replicas) return;
    await client.merge(refOf(deployment), { spec: { replicas: plan.replicas } }, 'scale');
    this.asked.set(uid, plan.replicas);
  }

  private async annotate({ metadata: { name, namespace } }: Pod, annotations: Record<string, string>): Promise<void> {
    const ref: ObjectRef = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } };
    try {
      await this.options.client.merge(ref, { metadata: { annotations } });
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  }

  /** A cluster that is away is no fault of the function, so it is not told as a crash of it. */
  private tellProblem(tenantId: string, revisionId: string, generation: string, told: Problem): void {
    const { problem, attempts, isRefused = true } = told;
    const replicaId = `rpl_${keyOf(revisionId)}${generation.slice(-6)}`;
    const before = this.options.told.get(replicaId);
    const startedAtMs = before?.startedAtMs ?? this.options.clock.nowMs();
    const base = { tenantId, revisionId, replicaId, endpoint: null, startedAtMs };
    const state = isRefused ? 'crashed' : 'starting';
    if (problem !== null) this.options.told.tell({ ...base, state, restarts: attempts, reason: problem });
    else if (before) this.options.told.tell({ ...base, state: 'gone', restarts: before.restarts, reason: null });
  }
}

type Problem = Readonly<{ problem: string | null; attempts: number; isRefused?: boolean }>;
const none = { namespace: '', name: '' };

/** Returns whether some tasks were left undone, because it was to stop. */
async function run(tasks: readonly Task[], shouldStop: () => boolean): Promise<boolean> {
  const next = tasks[Symbol.iterator]();
  let isCutShort = false;
  const work = async () => {
    for (const task of next) {
      await task();
      if (shouldStop()) return void (isCutShort = true);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return isCutShort;
}

function inWords(error: unknown): string {
  const { message } = error as Error;
  if (isUnreachable(error)) return `The cluster could not be asked: ${message}`;
  return error instanceof ClusterError ? refusal(message) : message;
}

function isUnreachable(error: unknown): boolean {
  if (error instanceof ClusterError) return error.status >= 500 || error.status === 429;
  const { code, name } = error as NodeJS.ErrnoException;
  return code !== undefined || name === 'TimeoutError';
}

function isStuck({ metadata, status }: Pod, nowMs: number): boolean {
  const hasNode = conditionOf(status?.conditions, 'PodScheduled')?.status === 'True';
  const reason = status?.containerStatuses?.[0]?.state?.waiting?.reason ?? 'ContainerCreating';
  const isWaiting = status?.phase === 'Pending' && hasNode && reason === 'ContainerCreating';
  return isWaiting && Date.parse(metadata.creationTimestamp) + stuckMs <= nowMs;
}

function isReady(pod: Pod): boolean {
  return conditionOf(pod.status?.conditions, 'Ready')?.status === 'True';
}

function isAlive({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== 'Failed' && status?.phase !== 'Succeeded';
}

function toPlanned(pod: Pod, drained: ReadonlySet<string>): PlannedPod {
  const id = replicaIdOf(pod);
  return {
    ...{ id, isReady: isReady(pod), isLeaving: isLeaving(pod), isDrained: drained.has(id) },
    isCrashed: (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0,
    isMarkedFirst: pod.metadata.annotations?.[costAnnotation] === firstCost,
  };
}

function podKey({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.labels?.[names.generation]}`;
}

function keyOfObject({ metadata }: { metadata: Readonly<{ namespace: string; name: string }> }): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function refOf({ metadata: { name, namespace } }: Deployment): ObjectRef {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace } };
}
