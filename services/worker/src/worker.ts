import { channels } from '@wherry/contract';
import type { Listener } from '@wherry/db';
import type { Queue } from '@wherry/queue';
import type { BuildDaemons } from './build/build-daemons';
import type { Builds } from './build/builds';
import type { Reporter } from './feedback/reporter';
import type { HandleDelivery } from './github/handle-delivery';
import { type PlanHead, PlanJob } from './plan/plan-head';
import type { Proofs } from './proof/proofs';
import { SourceRefusedError } from './source/source';
import type { Sweep } from './sweep/sweep';
import type { WatchGithub } from './sweep/watch-github';

export type WorkerParts = Readonly<{
  queue: Queue;
  /** Makes the listener of `channels` that tells this worker. */
  listen: (
    tell: Pick<ConstructorParameters<typeof Listener>[0], 'channels' | 'onReady' | 'onNotification'>,
  ) => Listener;
  plan: PlanHead;
  builds: Builds;
  proofs: Proofs;
  sweep: Sweep;
  reporter: Reporter;
  hub: Readonly<{ handle: Pick<HandleDelivery, 'execute'>; watch: Pick<WatchGithub, 'run'> }>;
  buildConcurrency: number;
  /** Where builds wait for daemons. */
  daemons?: BuildDaemons;
}>;

/** Plans that run at a time: they are short, and those of one branch run one after the other. */
const planConcurrency = 4;
/** Reports that jobs ask for at a time. */
const reportConcurrency = 2;
/** Deliveries that are handled at a time. Each is a few calls of GitHub's API. */
const deliveryConcurrency = 4;

/** The pipeline: jobs and notifications come in, plans, builds and proofs are done. */
export class Worker {
  private readonly stopping = new AbortController();
  private readonly listener: Listener;
  private sweeping: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: WorkerParts) {
    this.listener = parts.listen({
      channels: [channels.deployment, channels.release, channels.acknowledged, channels.buildDaemon],
      onReady: () => this.lookAtAll(),
      onNotification: (channel, payload) => this.hear(channel, payload),
    });
  }

  /** Returns when jobs are taken and notifications heard. */
  async start(): Promise<void> {
    const { queue, builds, buildConcurrency, hub } = this.parts;
    await this.listener.start();
    // Without the jobs' abort signals: a build has a lease of its own, and a plan is short and may run twice.
    await queue.work('plan', { concurrency: planConcurrency }, (job) =>
      this.plan(PlanJob.parse(job)).catch((error: unknown) => {
        // Trying again changes nothing; the next event or look asks again.
        if (!(error instanceof SourceRefusedError)) throw error;
      }),
    );
    await queue.work('build', { concurrency: buildConcurrency }, (job) => builds.run(job.tenantId, job.deploymentId));
    await queue.work('report', { concurrency: reportConcurrency }, (job) =>
      this.parts.reporter.run(job.tenantId, job.deploymentId),
    );
    await queue.work('delivery', { concurrency: deliveryConcurrency }, (job) => hub.handle.execute(job.deliveryId));
    const { signal } = this.stopping;
    this.sweeping = Promise.all([this.parts.sweep.run(signal), hub.watch.run(signal)]);
  }

  /** Null while it hears what it has to do. Jobs come by connections of their own, which are made again by themselves. */
  whyNotReady(): string | null {
    return this.listener.isConnected ? null : 'The connection that hears of changes is lost; it is being made again.';
  }

  /** How many builds run and wait here. */
  builds(): Readonly<{ running: number; waiting: number }> {
    return this.parts.builds.counts();
  }

  /** Lets go of everything within seconds; builders go on, and the next worker finds them. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.listener.stop();
    const { queue, builds, proofs, reporter } = this.parts;
    await Promise.all([this.sweeping, builds.close(), proofs.close(), reporter.close()]);
    await queue.close();
  }

  /**
   * Plans, and begins the build at once: its job says the same, but takes a while to come round.
   * @throws what `PlanHead.execute` throws.
   */
  async plan(job: PlanJob): Promise<void> {
    for (const outcome of await this.parts.plan.execute(job)) {
      if (outcome.kind === 'queued') this.begin(this.parts.builds.run(job.tenantId, outcome.deploymentId));
    }
  }

  private hear(channel: string, payload: string): void {
    const { builds, proofs } = this.parts;
    const [tenantId, id] = payload.split('/');
    if (channel === channels.acknowledged) proofs.acknowledged();
    else if (channel === channels.buildDaemon) this.parts.daemons?.changed(payload);
    else if (!tenantId || !id) return;
    else if (channel === channels.deployment) {
      this.begin(builds.changed(tenantId, id));
      this.begin(this.parts.reporter.run(tenantId, id));
    } else if (channel === channels.release) this.begin(proofs.run(tenantId, id));
  }

  /** Notifications may have been missed. What was never heard of is found by the sweep. */
  private lookAtAll(): void {
    this.parts.builds.recheckAll();
    this.parts.proofs.acknowledged();
    this.parts.daemons?.changedAll();
    this.begin(this.parts.sweep.resume());
  }

  /** Such work logs its own failures, and the sweep comes back to it. */
  private begin(work: Promise<unknown>): void {
    work.catch(() => undefined);
  }
}
