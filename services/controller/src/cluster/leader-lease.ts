import { type ClusterClient, isStatus, type ObjectRef } from '@wherry/cluster';

/** Time as an argument. `monotonicMs` never jumps; `sleep` returns early, without an error, when the signal aborts. */
export interface LeaseClock {
  monotonicMs(): number;
  /** RFC 3339 with microseconds, as Leases have it. */
  timestamp(): string;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export type LeaderLeaseOptions = Readonly<{
  client: Pick<ClusterClient, 'read' | 'create' | 'merge'>;
  namespace: string;
  name: string;
  /** Unique among controllers, also over restarts of one. */
  identity: string;
  clock: LeaseClock;
  /** A failure that is tried again. */
  onError?: (error: unknown) => void;
}>;

type Lease = Readonly<{
  metadata: Readonly<{ resourceVersion: string }>;
  spec?: Readonly<{ holderIdentity?: string; leaseDurationSeconds?: number; leaseTransitions?: number }>;
}>;

/** A holder that was not seen to renew for so long has lost it. */
export const leaseSeconds = 15;
const renewMs = 5_000;
/** The holder gives up before anyone else may take over. */
const giveUpMs = 10_000;
const retryMs = 2_000;
/** How often a holder looks whether it is time to renew, or too late. */
const lookMs = 1_000;

/**
 * One leader among several controllers, by a Lease of coordination.k8s.io. Others judge it by their own clocks: how long
 * ago they saw it change, so that clocks that disagree make no second leader.
 */
export class LeaderLease {
  private readonly ref: ObjectRef;
  private renewedAtMs = -Infinity;
  private version = '';

  constructor(private readonly options: LeaderLeaseOptions) {
    const { name, namespace } = options;
    this.ref = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace } };
  }

  /** Whether nobody else can be leader now. */
  isHeld(): boolean {
    return this.options.clock.monotonicMs() - this.renewedAtMs < giveUpMs;
  }

  /** Returns true when this process leads, false when `signal` aborted before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.options;
    let seen = { version: '', atMs: 0 };
    while (!signal.aborted) {
      const askedAtMs = clock.monotonicMs();
      try {
        const lease = await this.find();
        if (lease === null) await this.create(askedAtMs);
        else {
          const { resourceVersion } = lease.metadata;
          if (seen.version !== resourceVersion) seen = { version: resourceVersion, atMs: askedAtMs };
          const { holderIdentity: holder = '', leaseDurationSeconds = leaseSeconds } = lease.spec ?? {};
          const isOver = askedAtMs - seen.atMs >= leaseDurationSeconds * 1000;
          if (holder === '' || holder === this.options.identity || isOver) await this.take(lease, askedAtMs);
        }
        if (this.isHeld()) return true;
      } catch (error) {
        // Conflict: another controller was quicker.
        if (!isStatus(error, 409)) this.options.onError?.(error);
      }
      await clock.sleep(retryMs, signal);
    }
    return false;
  }

  /** Renews until it is lost, which it tells by returning, or until `signal` aborts: then it is given back. */
  async keep(signal: AbortSignal): Promise<'lost' | 'given back'> {
    const { clock } = this.options;
    let renewing: Promise<void> | null = null;
    let isOurs = true;
    while (!signal.aborted) {
      await clock.sleep(lookMs, signal);
      if (signal.aborted) break;
      // Looked at while an answer is awaited, too: it may never come.
      if (!isOurs || !this.isHeld()) return 'lost';
      if (clock.monotonicMs() - this.renewedAtMs < renewMs) continue;
      renewing ??= this.renew().then((still) => {
        isOurs = still;
        renewing = null;
      });
    }
    await renewing;
    await this.giveBack();
    return 'given back';
  }

  /** False when somebody else has it. A failure is tried again until it is too late. */
  private async renew(): Promise<boolean> {
    const { clock, client } = this.options;
    const askedAtMs = clock.monotonicMs();
    try {
      const patch = { metadata: { resourceVersion: this.version }, spec: { renewTime: clock.timestamp() } };
      this.held(await client.merge<Lease>(this.ref, patch), askedAtMs);
      return true;
    } catch (error) {
      if (isStatus(error, 404, 409)) return this.retake(askedAtMs);
      this.options.onError?.(error);
      return true;
    }
  }

  /** Something wrote to the Lease, or removed it: it is still ours unless it names another holder. */
  private async retake(askedAtMs: number): Promise<boolean> {
    try {
      const lease = await this.find();
      if (lease === null) await this.create(askedAtMs);
      else if (lease.spec?.holderIdentity !== this.options.identity) return false;
      else await this.take(lease, askedAtMs);
    } catch (error) {
      this.options.onError?.(error);
    }
    return true;
  }

  private async giveBack(): Promise<void> {
    if (!this.isHeld()) return;
    this.renewedAtMs = -Infinity;
    const patch = { metadata: { resourceVersion: this.version }, spec: { holderIdentity: '' } };
    await this.options.client.merge(this.ref, patch).catch((error: unknown) => this.options.onError?.(error));
  }

  private async find(): Promise<Lease | null> {
    try {
      return await this.options.client.read<Lease>(this.ref);
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw error;
    }
  }

  private async create(askedAtMs: number): Promise<void> {
    this.held(await this.options.client.create<Lease>({ ...this.ref, spec: this.spec(0) }), askedAtMs);
  }

  private async take(lease: Lease, askedAtMs: number): Promise<void> {
    const isNew = lease.spec?.holderIdentity !== this.options.identity;
    const spec = this.spec((lease.spec?.leaseTransitions ?? 0) + (isNew ? 1 : 0));
    const patch = { metadata: { resourceVersion: lease.metadata.resourceVersion }, spec };
    this.held(await this.options.client.merge<Lease>(this.ref, patch), askedAtMs);
  }

  private spec(leaseTransitions: number) {
    const now = this.options.clock.timestamp();
    const holder = { holderIdentity: this.options.identity, leaseDurationSeconds: leaseSeconds, leaseTransitions };
    return { ...holder, acquireTime: now, renewTime: now };
  }

  /** Counted from when it was asked for: the answer may have taken long. */
  private held(lease: Lease, askedAtMs: number): void {
    this.version = lease.metadata.resourceVersion;
    this.renewedAtMs = askedAtMs;
  }
}
