import {
  functionsNamespace,
  generationName,
  isStatus,
  keyOf,
  names,
  ClusterError,
  type ClusterClient,
  type ClusterObject,
  type Mirror,
  type ObjectRef,
  type TenantScope,
} from '@wherry/cluster';
import type { DesiredRevision } from '../engine';
import type { Clock } from '../clock';
import type { Deployment, Pod } from './cluster-objects';
import { conditionOf } from './cluster-objects';
import { isLeaving, refusal, replicaIdOf } from './observe-pod';
import { planGeneration, planOutdated, type GenerationPlan, type PlannedPod } from './plan';
import { renderGeneration, type RenderSettings } from './render';
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

type Failure = { attempts: number; retryAtMs: number };

/** Makes the Deployments as wished. Level-based: each step compares anew, and may be stopped anywhere. */
export class Generations {
  /** Deployments whose Secret and NetworkPolicy were seen to, by namespace and name. */
  private readonly ensured = new Map<string, Deployment>();
  private readonly asked = new Map<string, number>();
  private readonly failures = new Map<string, Failure>();
  private wish: ReadonlyMap<string, DesiredRevision> = new Map();

  constructor(private readonly options: GenerationsOptions) {}

  /** Looks at everything again in the next step. */
  doubt(): void {
    this.ensured.clear();
  }

  seen(deployment: Deployment, isGone: boolean): void {
    this.asked.delete(deployment.metadata.uid);
    const key = keyOfObject(deployment);
    if (isGone && this.ensured.get(key)?.metadata.uid === deployment.metadata.uid) this.ensured.delete(key);
  }

  /** Tells why a generation has no pods, in the place of the replica that it should have; null: it has no problem. */
  report({ metadata }: Deployment, problem: string | null): void {
    const { [names.tenant]: tenant = '', [names.revision]: revision = '' } = metadata.labels ?? {};
    const attempts = this.failures.get(keyOfObject({ metadata }))?.attempts ?? 0;
    // What the last step failed at is told until a step succeeds.
    if (problem === null && this.failures.has(keyOfObject({ metadata }))) return;
    this.tellProblem(`ten_${tenant}`, `rev_${revision}`, metadata.name, { problem, attempts });
  }

  /** Returns after how many milliseconds something is to be tried again, or null. */
  async step(wish: ReadonlyMap<string, DesiredRevision>): Promise<number | null> {
    this.wish = wish;
    const pods = Map.groupBy(this.options.pods.items.filter(isAlive), podKey);
    const tasks = [...wish.values()].map((revision) => () => this.keep(revision, pods));
    for (const deployment of this.options.deployments.items) {
      if (deployment.metadata.deletionTimestamp === undefined) tasks.push(() => this.retire(deployment, pods));
    }
    const next = tasks[Symbol.iterator]();
    const work = async () => {
      for (const task of next) await task();
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    const nowMs = this.options.clock.nowMs();
    const waits = [...this.failures.values()].map(({ retryAtMs }) => Math.max(retryAtMs - nowMs, 0));
    return waits.length === 0 ? null : Math.min(...waits);
  }

  private async keep(revision: DesiredRevision, pods: PodsByKey): Promise<void> {
    const { settings, clock } = this.options;
    const namespace = functionsNamespace({ ...revision, prefix: settings.prefix });
    const name = generationName(revision.revisionId, revision.secretsVersion);
    const key = `${namespace}/${name}`;
    const failure = this.failures.get(key);
    if (failure && failure.retryAtMs > clock.nowMs()) return;
    try {
      const deployment = await this.ensure(revision, key);
      if (!deployment) return;
      const planned = (pods.get(key) ?? []).map((each) => toPlanned(each, revision.drained));
      await this.carryOut(deployment, planGeneration(revision.replicas, planned), pods.get(key) ?? []);
      if (this.failures.delete(key))
        this.tellProblem(revision.tenantId, revision.revisionId, name, { problem: null, attempts: 0 });
    } catch (error) {
      this.options.onError?.(error);
      const attempts = (failure?.attempts ?? -1) + 1;
      const waitMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(attempts, 10));
      this.failures.set(key, { attempts, retryAtMs: clock.nowMs() + waitMs });
      const problem = revision.replicas === 0 ? null : inWords(error);
      this.tellProblem(revision.tenantId, revision.revisionId, name, { problem, attempts });
    }
  }

  /** The Deployment with all that belongs to it; null while one of that name is being deleted. */
  private async ensure(revision: DesiredRevision, key: string): Promise<Deployment | null> {
    const { client, settings, deployments } = this.options;
    const mirrored = deployments.items.find((each) => keyOfObject(each) === key);
    if (mirrored?.metadata.deletionTimestamp !== undefined) return null;
    const ensured = this.ensured.get(key);
    if (ensured) return mirrored ?? ensured;
    const { tenantId, trust } = revision;
    await this.options.prepareNamespace({ prefix: settings.prefix, tenantId, trust });
    const { deployment: wanted, secret, networkPolicy } = renderGeneration(revision, settings);
    const made = mirrored ?? (await this.createOrRead(wanted as ClusterObject));
    const { name, uid } = made.metadata;
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }];
    for (const each of [secret, networkPolicy] as (ClusterObject | null)[]) {
      if (each) await client.apply({ ...each, metadata: { ...each.metadata, ownerReferences } } as ClusterObject);
    }
    this.ensured.set(key, made);
    return made;
  }

  private async createOrRead(wanted: ClusterObject): Promise<Deployment> {
    try {
      return await this.options.client.create<Deployment>(wanted);
    } catch (error) {
      if (isStatus(error, 409)) return this.options.client.read<Deployment>(wanted);
      throw error;
    }
  }

  /** What to do with a generation that is not the present one of a revision: its pods serve until others do. */
  private async retire(deployment: Deployment, pods: PodsByKey): Promise<void> {
    const { metadata } = deployment;
    const revision = this.wish.get(`rev_${metadata.labels?.[names.revision]}`);
    const current = revision && generationName(revision.revisionId, revision.secretsVersion);
    if (current === metadata.name) return;
    const own = pods.get(keyOfObject(deployment)) ?? [];
    try {
      if (!revision) return await this.remove(deployment);
      const ready = (pods.get(`${metadata.namespace}/${current}`) ?? []).filter(
        (each) => isReady(each) && !isLeaving(each),
      );
      const planned = own.map((each) => toPlanned(each, revision.drained));
      const plan = planOutdated(ready.length >= revision.replicas, planned);
      if (plan) await this.carryOut(deployment, plan, own);
      else await this.remove(deployment);
    } catch (error) {
      this.options.onError?.(error);
    }
  }

  private async remove(deployment: Deployment): Promise<void> {
    this.ensured.delete(keyOfObject(deployment));
    this.failures.delete(keyOfObject(deployment));
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

  private tellProblem(tenantId: string, revisionId: string, generation: string, { problem, attempts }: Problem): void {
    const { told, clock } = this.options;
    const replicaId = `rpl_${keyOf(revisionId)}${generation.slice(-8)}`;
    const before = told.get(replicaId);
    const base = { tenantId, revisionId, replicaId, endpoint: null, startedAtMs: before?.startedAtMs ?? clock.nowMs() };
    if (problem !== null) told.tell({ ...base, state: 'crashed', restarts: attempts, reason: problem });
    else if (before) told.tell({ ...base, state: 'gone', restarts: before.restarts, reason: null });
  }
}

type Problem = Readonly<{ problem: string | null; attempts: number }>;
type PodsByKey = ReadonlyMap<string, readonly Pod[]>;

function inWords(error: unknown): string {
  if (error instanceof ClusterError && error.status < 500) return refusal(error.message);
  return `The cluster could not be asked: ${error instanceof Error ? error.message : String(error)}`;
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

function keyOfObject({ metadata }: Pick<Deployment, 'metadata'>): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function refOf({ metadata: { name, namespace } }: Deployment): ObjectRef {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace } };
}
