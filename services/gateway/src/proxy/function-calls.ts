import type { Route } from '../routing/route-table';
import type { Platform } from './platform';
import { refusals, type Refusal } from './refusal';
import { TokenBucket } from './token-bucket';
import { isSilence, type Upstream } from './upstream';

/** A call that looks for a replica. */
export interface Waiting {
  /** When it began to wait, on the elapsed clock; null while it never did. */
  parkedAtMs: number | null;
  send(route: Route, upstream: Upstream): void;
  refuse(refusal: Refusal): void;
}

/** How often waiting calls look again, ask for a replica, and how long a replica that refused is left alone. */
export const tickMs = 250;

/** How long a replica is left alone that did not even refuse: each further try could cost a call a second. */
export const silentMs = 2_000;

/** Crashes in a row after which waiting for the next start is in vain: the pauses between starts grow from there. */
const crashLoop = 3;

/**
 * The calls of one function: which replica takes the next one, and which wait for a replica. It outlives routes, so a
 * call that waits when the route moves goes on to the new revision.
 */
export class FunctionCalls {
  private upstreams: readonly Upstream[] = [];
  private parked: Waiting[] = [];
  private timer: NodeJS.Timeout | null = null;
  private turn = 0;
  private readonly bucket: TokenBucket;
  inFlight = 0;

  constructor(
    private route: Route,
    private readonly platform: Platform,
  ) {
    const { limits, clock } = platform;
    this.bucket = new TokenBucket(limits.ratePerSecond, limits.ratePerSecond, clock.elapsedMs());
    this.update(route);
  }

  /** Calls that wait for a replica. */
  get parkedCount(): number {
    return this.parked.length;
  }

  /** Why a new call may not begin, or null when it may. */
  admit(): Refusal | null {
    if (!this.bucket.take(this.platform.clock.elapsedMs())) {
      return refusals.tooManyCalls(this.bucket.retryAfterSeconds());
    }
    return this.inFlight >= this.platform.limits.concurrency ? refusals.tooManyAtOnce : null;
  }

  /** Sends a call to the replica with the fewest calls, in turn among equals, or lets it wait for one. */
  submit(call: Waiting): void {
    const upstream = this.pick();
    if (upstream !== null) call.send(this.route, upstream);
    else this.park(call);
  }

  /** A replica took no connection, so nothing of the call was sent: it goes elsewhere. */
  resubmit(call: Waiting, refusedBy: Upstream, error: Error): void {
    refusedBy.refusedUntilMs = this.platform.clock.elapsedMs() + (isSilence(error) ? silentMs : tickMs);
    this.submit(call);
  }

  /** A waiting call is not wanted any more. */
  leave(call: Waiting): void {
    this.parked = this.parked.filter((one) => one !== call);
    if (this.parked.length === 0) this.rest();
  }

  /** Takes another route of the same function into use, and lets waiting calls go there. */
  update(route: Route): void {
    const former = new Map(this.upstreams.map((upstream) => [upstream.replica.replicaId, upstream]));
    this.route = route;
    this.upstreams = route.ready.map((replica) => {
      const known = former.get(replica.replicaId);
      if (known === undefined || known.replica.address !== replica.address) return this.platform.openUpstream(replica);
      former.delete(replica.replicaId);
      return known;
    });
    for (const gone of former.values()) gone.close();
    this.sendParked();
  }

  /** The function has no route any more. */
  remove(): void {
    for (const upstream of this.upstreams) upstream.close();
    this.upstreams = [];
    const refusal = refusals.noFunction(this.route.functionName, this.route.label);
    for (const call of this.takeParked()) call.refuse(refusal);
  }

  private pick(): Upstream | null {
    const { upstreams } = this;
    const count = upstreams.length;
    let best: Upstream | null = null;
    const nowMs = count === 0 ? 0 : this.platform.clock.elapsedMs();
    for (let step = 0; step < count; step += 1) {
      const upstream = upstreams[(this.turn + step) % count] as Upstream;
      if (upstream.refusedUntilMs > nowMs) continue;
      if (best === null || upstream.inFlight < best.inFlight) best = upstream;
    }
    this.turn = (this.turn + 1) % 1_000_003;
    return best;
  }

  private park(call: Waiting): void {
    if (this.parked.length >= this.platform.limits.parkedCalls) {
      call.refuse(refusals.parkedFull);
      return;
    }
    const nowMs = this.platform.clock.elapsedMs();
    call.parkedAtMs ??= nowMs;
    if (this.hasWaitedEnough(call, nowMs)) {
      this.platform.activity.touched(this.route.tenantId, this.route.revisionId);
      call.refuse(this.giveUpText());
      return;
    }
    this.parked.push(call);
    if (this.timer !== null) return;
    this.ask();
    this.timer = setInterval(() => this.tick(), tickMs);
  }

  private tick(): void {
    this.sendParked();
    const nowMs = this.platform.clock.elapsedMs();
    for (const call of this.parked.filter((one) => this.hasWaitedEnough(one, nowMs))) {
      this.leave(call);
      call.refuse(this.giveUpText());
    }
    if (this.parked.length > 0) this.ask();
  }

  /** Only one call at a time asks, however many wait. */
  private ask(): void {
    this.platform.activity.touched(this.route.tenantId, this.route.revisionId);
    this.platform.wake(this.route.tenantId, this.route.revisionId);
  }

  private sendParked(): void {
    if (this.parked.length === 0 || this.pick() === null) return;
    for (const call of this.takeParked()) this.submit(call);
  }

  private takeParked(): readonly Waiting[] {
    const calls = this.parked;
    this.parked = [];
    this.rest();
    return calls;
  }

  private rest(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private hasWaitedEnough(call: Waiting, nowMs: number): boolean {
    if (this.upstreams.length === 0 && this.route.crashes >= crashLoop) return true;
    return call.parkedAtMs !== null && nowMs - call.parkedAtMs >= this.platform.limits.parkMs;
  }

  private giveUpText(): Refusal {
    return this.route.crashes > 0 ? refusals.crashing : refusals.notStarted;
  }
}
