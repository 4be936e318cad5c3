import {
  type ClusterClient,
  type ClusterObject,
  clusterSource,
  type Deployment,
  Mirror,
  names,
  type Pod,
  type TenantScope,
  type WatchEvent,
} from '@wherry/cluster';
import type { DesiredRevision, Engine, FunctionLogLine, ObservedReplica } from '../engine';
import { systemClock } from '../adapters/clock';
import type { Clock } from '../clock';
import { Wake } from '../wake';
import type { LivePolicy } from './generation-objects';
import { Generations } from './generations';
import { KnownSecrets } from './known-secrets';
import { deploymentProblem, missedCrash, observePod, replicaIdOf } from './observe-pod';
import { planServices, type LiveService } from './plan-services';
import { PodOutput } from './pod-output';
import type { RenderSettings } from './render';
import { Told } from './told';

export type KubernetesEngineOptions = Readonly<{
  client: ClusterClient;
  settings: RenderSettings;
  /** Makes a tenant's namespace ready for functions; called before anything is put into it, again and again. */
  prepareNamespace: (scope: TenantScope) => Promise<void>;
  clock?: Clock;
  /** Failures that are tried again. */
  onError?: (error: unknown) => void;
}>;

/** Missed wakes are found by this. */
const resyncMs = 15_000;
/** How often it is written down what was shipped: a crash in between ships that much again. */
const noteMs = 2000;
const maxBatch = 1000;
/** Generations that each sweep looks at anew: few, for what comes of it is asked of the API server at rest. */
const doubtsPerSweep = 5;

/** Runs revisions as Deployments. See `Engine`; all that it knows can be read from the cluster again. */
export class KubernetesEngine implements Engine {
  private readonly clock: Clock;
  private readonly closing = new AbortController();
  private readonly work = new Wake();
  private readonly written = new Wake();
  private readonly told = new Told();
  private readonly known: KnownSecrets;
  private readonly outputs = new Map<string, PodOutput>();
  /** The run, by its number of restarts, in which a replica was last seen to serve. */
  private readonly servedRuns = new Map<string, number>();
  private readonly pods: Mirror<Pod>;
  private readonly deployments: Mirror<Deployment>;
  private readonly policies: Mirror<LivePolicy>;
  private readonly services: Mirror<LiveService>;
  private areServicesKnown = false;
  private readonly generations: Generations;
  private readonly synced: Promise<unknown>;
  private readonly loops: Promise<unknown>[];
  private wish: ReadonlyMap<string, DesiredRevision> | null = null;
  /** How often a wish was made. */
  private wishes = 0;

  constructor(private readonly options: KubernetesEngineOptions) {
    const { client, settings } = options;
    this.clock = options.clock ?? systemClock;
    this.known = new KnownSecrets(client);
    const selector = `${names.installation}=${settings.prefix},${names.generation}`;
    const query = { labelSelector: selector };
    const onError = (error: unknown) => this.fail(error);
    const pods = Promise.withResolvers<void>();
    const deployments = Promise.withResolvers<void>();
    this.pods = new Mirror(clusterSource<Pod>(client, '/api/v1/pods', query), {
      ...{ onError, onSynced: pods.resolve, onChange: (event) => this.onPod(event) },
    });
    this.deployments = new Mirror(clusterSource<Deployment>(client, '/apis/apps/v1/deployments', query), {
      ...{ onError, onSynced: deployments.resolve, onChange: (event) => this.onDeployment(event) },
    });
    this.policies = new Mirror(clusterSource<LivePolicy>(client, '/apis/networking.k8s.io/v1/networkpolicies', query), {
      onError,
      onChange: ({ type, object }) => this.onPolicy(object, type === 'DELETED'),
    });
    this.services = this.mirrorServices();
    const { pods: podMirror, deployments: deploymentMirror, told, clock } = this;
    this.generations = new Generations({ ...options, pods: podMirror, deployments: deploymentMirror, told, clock });
    const closed = new Promise<void>((resolve) => this.closing.signal.addEventListener('abort', () => resolve()));
    this.synced = Promise.race([Promise.all([pods.promise, deployments.promise]), closed]);
    const { signal } = this.closing;
    const mirrors = [this.pods, this.deployments, this.policies, this.services].map((each) => each.run(signal));
    this.loops = [...mirrors, this.reconcile(), this.noteShipped()];
  }

  apply(desired: readonly DesiredRevision[]): void {
    this.wish = new Map(desired.map((each) => [each.revisionId, each]));
    this.wishes += 1;
    const isNews = desired.filter((each) => this.known.learn(each)).length > 0;
    // What could not be told of adopted pods without knowing their secrets can be told now.
    if (isNews) for (const pod of this.pods.items) this.tell(pod);
    this.work.notify();
  }

  async *observe(signal: AbortSignal): AsyncIterable<ObservedReplica> {
    const ended = AbortSignal.any([signal, this.closing.signal]);
    await this.synced;
    yield* this.told.observe(ended);
  }

  async *logs(signal: AbortSignal): AsyncIterable<readonly FunctionLogLine[]> {
    const ended = AbortSignal.any([signal, this.closing.signal]);
    while (!ended.aborted) {
      this.forgetFinished();
      const waiting = [...this.outputs.values()].filter((each) => each.peek(1).length > 0);
      // Equal shares: one that prints without end must not keep the lines of the others waiting.
      const share = Math.max(1, Math.floor(maxBatch / waiting.length));
      const parts = waiting.map((output) => ({ output, lines: output.peek(share) }));
      if (parts.length === 0) {
        await this.written.wait(ended);
        continue;
      }
      yield parts.flatMap(({ lines }) => lines);
      if (this.closing.signal.aborted) return;
      for (const { output, lines } of parts) output.shipped(lines.length);
    }
  }

  async sweep(): Promise<number> {
    await this.synced;
    const ended = this.pods.items.filter(
      (each) => each.status?.phase === 'Failed' || each.status?.phase === 'Succeeded',
    );
    for (const { metadata } of ended) await this.options.client.remove({ apiVersion: 'v1', kind: 'Pod', metadata });
    this.generations.doubtOldest(doubtsPerSweep);
    if (this.wish) this.known.keepOnly(this.wish.values(), this.pods.items);
    this.work.notify();
    return ended.length;
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    for (const output of this.outputs.values()) output.close();
    await Promise.all([...this.loops, ...[...this.outputs.values()].map((each) => each.done)]);
    await this.note();
  }

  private mirrorServices(): Mirror<LiveService> {
    const { client, settings } = this.options;
    const labelSelector = `${names.installation}=${settings.prefix},${names.function}`;
    return new Mirror(clusterSource<LiveService>(client, '/api/v1/services', { labelSelector }), {
      onError: (error) => this.fail(error),
      onSynced: () => {
        this.areServicesKnown = true;
        this.work.notify();
      },
      onChange: () => this.work.notify(),
    });
  }

  private onPod({ type, object: pod }: WatchEvent<Pod>): void {
    const replicaId = replicaIdOf(pod);
    if (type === 'DELETED') {
      this.outputs.get(replicaId)?.gone();
      this.servedRuns.delete(replicaId);
      const last = this.told.get(replicaId);
      if (last) this.told.tell({ ...last, state: 'gone', endpoint: null, reason: null });
    } else {
      this.tell(pod);
      this.followOutput(pod, replicaId);
    }
    this.work.notify();
  }

  private tell(pod: Pod): void {
    const replicaId = replicaIdOf(pod);
    const needles = this.known.of(pod);
    const before = this.told.get(replicaId);
    const { startSeconds } = this.options.settings;
    const look = { startSeconds, servedRun: this.servedRuns.get(replicaId) };
    const now = observePod(pod, needles, look);
    if (now.endpoint) this.servedRuns.set(replicaId, now.restarts);
    const isTold = before?.state === 'crashed' && before.restarts === now.restarts - 1;
    const missed = before && now.restarts > before.restarts && !isTold ? missedCrash(pod, needles, look) : null;
    if (missed) this.told.tell(missed);
    // On its way out it serves what it has; gateways are told to leave it as long as it did serve.
    const isEnding = pod.metadata.deletionTimestamp !== undefined && !now.endpoint && before !== undefined;
    if (!isEnding || now.state === 'gone') this.told.tell(now);
  }

  private followOutput(pod: Pod, replicaId: string): void {
    const output = this.outputs.get(replicaId);
    if (output) return output.update(pod);
    const { tenantId, revisionId } = observePod(pod, null, this.options.settings);
    const around = {
      ...{ client: this.options.client, clock: this.clock, origin: { tenantId, revisionId, replicaId } },
      needles: () => this.known.find(pod),
      onLines: () => this.written.notify(),
      onError: (error: unknown) => this.fail(error),
    };
    this.outputs.set(replicaId, new PodOutput(pod, around));
  }

  private onDeployment({ type, object }: WatchEvent<Deployment>): void {
    this.generations.seen(object, type === 'DELETED');
    this.generations.report(object, type === 'DELETED' ? null : deploymentProblem(object));
    this.work.notify();
  }

  private onPolicy(policy: LivePolicy, isGone: boolean): void {
    this.generations.seenPolicy(policy, isGone);
    this.work.notify();
  }

  private async reconcile(): Promise<void> {
    await this.synced;
    const { signal } = this.closing;
    let retryMs: number | null = null;
    while (!signal.aborted) {
      const cancel = this.clock.after(Math.min(retryMs ?? resyncMs, resyncMs), () => this.work.notify());
      await this.work.wait(signal);
      cancel();
      if (signal.aborted || !this.wish) continue;
      try {
        const { wishes } = this;
        retryMs = await this.generations.step(this.wish, () => signal.aborted || this.wishes !== wishes);
        await this.keepServices(this.wish);
      } catch (error) {
        this.fail(error);
      }
    }
  }

  /** What fails is tried again with the next step, or by the resync. */
  private async keepServices(wish: ReadonlyMap<string, DesiredRevision>): Promise<void> {
    if (!this.areServicesKnown) return;
    const { client, settings, prepareNamespace } = this.options;
    const { apply, remove } = planServices(wish.values(), this.services.items, settings.prefix);
    const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => this.fail(error));
    for (const { metadata } of remove) await attempt(client.remove({ apiVersion: 'v1', kind: 'Service', metadata }));
    for (const { scope, service } of apply) {
      await attempt(prepareNamespace(scope).then(() => client.apply(service as unknown as ClusterObject)));
    }
  }

  private async noteShipped(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const wake = new Wake();
      const cancel = this.clock.after(noteMs, () => wake.notify());
      await wake.wait(signal);
      cancel();
      if (!signal.aborted) await this.note();
    }
  }

  private async note(): Promise<void> {
    for (const output of this.outputs.values())
      await output.note().catch((error: unknown) => this.options.onError?.(error));
  }

  private forgetFinished(): void {
    for (const [id, output] of this.outputs) if (output.isFinished) this.outputs.delete(id);
  }

  private fail(error: unknown): void {
    if (!this.closing.signal.aborted) this.options.onError?.(error);
  }
}
