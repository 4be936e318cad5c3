import { setTimeout as wait } from 'node:timers/promises';
import { channels } from '@wherry/contract';
import type {
  FunctionLogStore,
  IdleUsageStore,
  PreviewStore,
  ReleaseStore,
  ReplicaStore,
  SnapshotStore,
} from '@wherry/db';
import type { Engine, ObservedReplica } from '@wherry/engine';
import { describeError, type Log } from '@wherry/logging';
import { shipLogs } from './logs/ship-logs';
import { Coalesced } from './reconcile/coalesced';
import { desiredState } from './reconcile/desired-state';
import type { Drain } from './reconcile/drain';
import { ObservedReplicas } from './reconcile/observed-replicas';
import type { HeldScale } from './reconcile/scale';
import type { Settings } from './reconcile/settings';
import { wishChange } from './reconcile/wish-change';
import {
  emptySnapshot,
  type Gate,
  indexSnapshot,
  type Snapshot,
  type TrafficView,
  viewTraffic,
  type World,
} from './reconcile/world';
import { decideReleases } from './releases/decide-releases';
import { ReleaseRunner } from './releases/release-runner';
import { differences } from './replicas/differences';
import { ReplicaMirror } from './replicas/replica-mirror';
import type { SecretOpener } from './secrets/open-secrets';
import { idleUsage } from './usage/idle-usage';

export type ControllerParts = Readonly<{
  engine: Engine;
  snapshots: Pick<SnapshotStore, 'read' | 'readTraffic'>;
  releases: Pick<ReleaseStore, 'route' | 'finish'>;
  previews: Pick<PreviewStore, 'empty'>;
  replicas: Pick<ReplicaStore, 'mirror'>;
  functionLogs: Pick<FunctionLogStore, 'append'>;
  usage: Pick<IdleUsageStore, 'add'>;
  secrets: SecretOpener;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  /** Whether anything may be started; always, when left out. */
  gate?: () => Gate;
}>;

/**
 * The loop from what the database wishes to what the engine runs, and back. Level-based: notifications only say that it
 * is worth looking; every decision is made from all that is known, so a missed or repeated one changes nothing. All that
 * is known is in memory, so that a wake goes straight to the engine.
 */
export class Controller {
  private snapshot: Snapshot = emptySnapshot;
  private traffic: TrafficView = { readAtMs: 0, acknowledgedByLive: null, activity: new Map() };
  private readonly observed: ObservedReplicas;
  private readonly wakes = new Map<string, number>();
  private readonly drains = new Map<string, Drain>();
  private scales: ReadonlyMap<string, HeldScale> = new Map();
  private firstSeen = new Map<string, number>();
  private blocked: ReadonlyMap<string, string> = new Map();
  private wish = '';
  private readonly failedAtMs = new Map<string, number>();

  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private timer: NodeJS.Timeout | null = null;
  private isRead = false;
  private isEmptying = false;
  /** When the engine began to report; null until then. */
  private observingSinceMs: number | null = null;
  private hasAdopted = false;
  private meteredAtMs = 0;
  private readAtMs = 0;

  private readonly mirror: ReplicaMirror;
  private readonly runner: ReleaseRunner;
  private readonly refreshing = new Coalesced(
    () => this.refresh(),
    (error) => this.failed('snapshot.read', error),
  );
  private readonly readingTraffic = new Coalesced(
    () => this.readTraffic(),
    (error) => this.failed('traffic.read', error),
  );

  constructor(
    private readonly parts: ControllerParts,
    private readonly settings: Settings,
  ) {
    this.observed = new ObservedReplicas((revisionId) => this.snapshot.secrets.get(revisionId));
    this.mirror = new ReplicaMirror(parts.replicas, {
      onDraining: (versions) => this.drainsWritten(versions),
      onError: (tenantId, error) => this.failed('replica.mirror', error, tenantId),
    });
    this.runner = new ReleaseRunner(parts.releases, parts.log, parts.now, () => void this.refreshing.request());
  }

  /** Begins. Returns after the first full read, or the first failed one: the loop then tries on by itself. */
  async start(): Promise<void> {
    this.meteredAtMs = this.parts.now();
    await this.refreshing.request();
    this.timer = setInterval(() => this.tick(), this.settings.tickMs);
  }

  /** Finishes what is being written, and lets go of the engine; replicas run on. */
  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    this.stopping.abort();
    await Promise.all(this.loops);
    await this.runner.stop();
    await this.mirror.stop();
    await this.parts.engine.close();
  }

  /** How many replicas are in which state, as the engine last reported them. */
  replicaCounts(): ReadonlyMap<ObservedReplica['state'], number> {
    const counts = new Map<ObservedReplica['state'], number>();
    for (const { state } of this.observed.replicas.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  /** A notification; the channels are those of `listenedChannels`. */
  notified(channel: string, payload: string): void {
    if (this.stopping.signal.aborted) return;
    if (channel === channels.wake) this.wake(payload);
    else if (channel === channels.acknowledged) void (this.drains.size > 0 && this.readingTraffic.request());
    else void this.refreshing.request();
  }

  /** Notifications may have been missed: everything is read again. */
  reconnected(): void {
    if (this.isRead && !this.stopping.signal.aborted) void this.refreshing.request();
  }

  private wake(payload: string): void {
    const [tenantId, revisionId = ''] = payload.split('/');
    const isServed = this.snapshot.revisions.get(revisionId)?.tenantId === tenantId;
    if (isServed && this.snapshot.routed.has(revisionId)) {
      this.wakes.set(revisionId, this.parts.now());
      this.decide();
    } else {
      // A route that is newer than the last read. The gateway asks again while it waits.
      void this.refreshing.request();
    }
  }

  private tick(): void {
    const nowMs = this.parts.now();
    const isReleasing = this.snapshot.releases.length > 0;
    const sinceRead = nowMs - this.readAtMs;
    if (!this.isRead || sinceRead >= this.settings.resyncMs || this.isAdoptionDue(nowMs)) {
      void this.refreshing.request();
      if (this.isRead) void this.sweep();
    } else if (isReleasing && sinceRead >= this.settings.trafficMs) void this.refreshing.request();
    else if (this.observed.size > 0 && nowMs - this.traffic.readAtMs >= this.settings.trafficMs) {
      void this.readingTraffic.request();
    }
    if (nowMs - this.meteredAtMs >= 60_000) void this.meterIdle(nowMs);
  }

  private async refresh(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const rows = await this.parts.snapshots.read();
    const readAtMs = this.parts.now();
    const secrets = await this.parts.secrets.open(rows.revisions, rows.secrets);
    this.snapshot = indexSnapshot(rows, secrets);
    this.observed.rowsRead(this.snapshot.replicas);
    this.traffic = viewTraffic(rows.traffic, readAtMs, this.settings.gatewayLiveMs);
    this.readAtMs = readAtMs;
    const pending = this.snapshot.releases.map(({ releaseId }) => releaseId);
    this.firstSeen = new Map(pending.map((id) => [id, this.firstSeen.get(id) ?? readAtMs]));
    for (const id of this.wakes.keys()) if (!this.snapshot.routed.has(id)) this.wakes.delete(id);
    this.correctReplicas();
    this.tellBlocked();
    void this.emptyPreviews();
    if (!this.isRead) {
      this.isRead = true;
      this.observingSinceMs = readAtMs;
      // Only now, as what replicas say is redacted with the secrets that were just opened.
      this.loops.push(this.observe(), this.shipLogs());
    }
    this.decide();
  }

  /** Whether it is time to tell leftovers from replicas that the engine has not reported yet. */
  private isAdoptionDue(nowMs: number): boolean {
    if (this.hasAdopted || this.observingSinceMs === null) return false;
    return nowMs - this.observingSinceMs >= this.settings.adoptionMs;
  }

  private async readTraffic(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    const traffic = await this.parts.snapshots.readTraffic();
    this.traffic = viewTraffic(traffic, this.parts.now(), this.settings.gatewayLiveMs);
    this.decide();
  }

  private world(): World {
    const { snapshot, traffic, observed, wakes, drains, scales } = this;
    const gate = this.parts.gate?.() ?? { isOpen: true };
    const { replicas, crashes, gone } = observed;
    return { snapshot, traffic, observed: replicas, gone, crashes, wakes, drains, scales, gate };
  }

  /** Never before the first read: an empty wish would stop everything. */
  private decide(): void {
    if (!this.isRead || this.stopping.signal.aborted) return;
    const nowMs = this.parts.now();
    const { desired, scales } = desiredState(this.world(), nowMs, this.settings);
    this.scales = scales;
    this.parts.engine.apply(desired);
    const rules = { deadlineMs: this.settings.releaseDeadlineMs, crashLimit: this.settings.crashLimit };
    this.runner.take(decideReleases(this.world(), this.firstSeen, nowMs, rules));
    const change = wishChange(this.wish, desired);
    if (!change) return;
    this.wish = change.wish;
    const durationMs = this.parts.now() - nowMs;
    this.parts.log.write({ op: 'state.reconcile', ok: true, durationMs, ...change.fields });
  }

  private async observe(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.observed.clear();
      try {
        for await (const replica of this.parts.engine.observe(signal)) this.seen(replica);
      } catch (error) {
        if (!signal.aborted) this.failed('engine.observe', error);
      }
      await wait(this.settings.tickMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private seen(reported: ObservedReplica): void {
    const replica = this.observed.put(reported);
    if (replica.state !== 'leaving') this.drains.delete(replica.replicaId);
    this.mirror.put(replica);
    this.decide();
  }

  private drainsWritten(versions: ReadonlyMap<string, bigint>): void {
    for (const [replicaId, version] of versions) {
      const isLeaving = this.observed.replicas.get(replicaId)?.state === 'leaving';
      if (isLeaving && this.drains.get(replicaId)?.version !== version) {
        this.drains.set(replicaId, { version, sinceMs: this.parts.now() });
      }
    }
    // A gateway may have acknowledged before this process knew what to wait for.
    void this.readingTraffic.request();
  }

  /** Rows that differ from what the engine reports: after a stop in the middle of something, or by a failed write. */
  private correctReplicas(): void {
    this.hasAdopted ||= this.isAdoptionDue(this.readAtMs);
    const { wrong, leftovers } = differences(this.snapshot.replicas, this.observed.replicas);
    for (const replica of wrong) this.mirror.put(replica);
    if (this.hasAdopted) for (const { tenantId, replicaId } of leftovers) this.mirror.remove(tenantId, replicaId);
  }

  /** Says once, in the function's own log, why a function that has a route cannot run. */
  private tellBlocked(): void {
    const blocked = new Map<string, string>();
    for (const revisionId of this.snapshot.routed) {
      const secrets = this.snapshot.secrets.get(revisionId);
      const tenantId = this.snapshot.revisions.get(revisionId)?.tenantId;
      if (!secrets || secrets.ok || !tenantId) continue;
      blocked.set(revisionId, secrets.reason);
      if (this.blocked.get(revisionId) === secrets.reason) continue;
      const atMs = this.parts.now();
      const line = [atMs, 'system', '', secrets.reason] as const;
      const byteCount = Buffer.byteLength(secrets.reason);
      const chunk = { revisionId, replicaId: '', firstAtMs: atMs, lastAtMs: atMs, byteCount, lines: [line] };
      this.parts.functionLogs.append(tenantId, [chunk]).catch((error) => this.failed('log.append', error, tenantId));
    }
    this.blocked = blocked;
  }

  /** One that fails is found again by the next read. */
  private async emptyPreviews(): Promise<void> {
    if (this.isEmptying) return;
    this.isEmptying = true;
    let count = 0;
    for (const { tenantId, environmentId } of this.snapshot.closed) {
      const emptied = this.parts.previews.empty(tenantId, environmentId);
      if (await emptied.catch((error) => this.failed('preview.empty', error, tenantId))) count += 1;
    }
    this.isEmptying = false;
    if (count === 0) return;
    this.parts.log.write({ op: 'preview.empty', ok: true, count });
    void this.refreshing.request();
  }

  private async meterIdle(nowMs: number): Promise<void> {
    const usages = idleUsage(this.world(), this.meteredAtMs, nowMs);
    this.meteredAtMs = nowMs;
    for (const [tenantId, usage] of usages) {
      await this.parts.usage.add(tenantId, usage).catch((error) => this.failed('usage.add', error, tenantId));
    }
  }

  private async shipLogs(): Promise<void> {
    const { signal } = this.stopping;
    const { engine, functionLogs } = this.parts;
    while (!signal.aborted) {
      try {
        await shipLogs(engine, functionLogs, (tenantId, error) => this.failed('log.append', error, tenantId), signal);
      } catch (error) {
        if (!signal.aborted) this.failed('engine.logs', error);
      }
      await wait(this.settings.tickMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async sweep(): Promise<void> {
    try {
      const count = await this.parts.engine.sweep();
      if (count > 0) this.parts.log.write({ op: 'engine.sweep', ok: true, count });
    } catch (error) {
      this.failed('engine.sweep', error);
    }
  }

  /** One line per kind of failure in ten seconds: while the database is away, everything fails again and again. */
  private failed(op: string, error: unknown, tenantId?: string): void {
    const nowMs = this.parts.now();
    if (nowMs - (this.failedAtMs.get(op) ?? 0) < 10_000) return;
    this.failedAtMs.set(op, nowMs);
    const whose = tenantId === undefined ? {} : { tenantId };
    this.parts.log.write({
      op,
      ok: false,
      ...whose,
      errorCode: 'controller.step_failed',
      message: describeError(error),
    });
  }
}

/** What the controller's listener hears. */
export const listenedChannels = [
  ...[channels.release, channels.secret, channels.tenant, channels.environment],
  ...[channels.wake, channels.acknowledged],
] as const;
