import type { Route } from '../routing/route-table';
import type { FunctionCalls } from './function-calls';
import type { Platform } from './platform';
import type { Upstream } from './upstream';

/** How a dispatched call ended. `billed` is false where the platform or the function's process broke it off. */
export type End = Readonly<{ status: number; outcome: 'complete' | 'aborted'; responseBytes: number; billed: boolean }>;

/** The status of a receipt whose caller left before there was one (as nginx logs it). */
export const callerLeft = 499;

/** One dispatch to one replica: counts it as in flight, and ends with exactly one receipt, or none when nothing was sent. */
export class CallRecord {
  private readonly startedAtMs: number;
  private readonly dispatchedAtMs: number;
  private hasEnded = false;

  constructor(
    private readonly platform: Platform,
    private readonly calls: FunctionCalls,
    private readonly callId: string,
    private readonly route: Route,
    readonly upstream: Upstream,
  ) {
    this.startedAtMs = platform.clock.nowMs();
    this.dispatchedAtMs = platform.clock.elapsedMs();
    upstream.inFlight += 1;
    calls.inFlight += 1;
    platform.activity.sent(route.tenantId, route.revisionId);
  }

  /** To be called before the last byte of the reply leaves. @throws when the receipt could not be handed over. */
  end(end: End): void {
    if (this.hasEnded) return;
    this.release();
    const { route } = this;
    const durationMs = this.platform.clock.elapsedMs() - this.dispatchedAtMs;
    this.platform.meter.ended(end, durationMs);
    this.platform.receipts.write({
      tenantId: route.tenantId,
      callId: this.callId,
      functionId: route.functionId,
      revisionId: route.revisionId,
      replicaId: this.upstream.replica.replicaId,
      startedAtMs: this.startedAtMs,
      durationMs: Math.max(1, Math.ceil(durationMs)),
      memoryMiB: route.memoryMiB,
      ...end,
    });
  }

  /** Nothing was sent: as if the dispatch had not been. */
  cancel(): void {
    if (!this.hasEnded) this.release();
  }

  private release(): void {
    this.hasEnded = true;
    this.upstream.inFlight -= 1;
    this.calls.inFlight -= 1;
    this.platform.activity.ended(this.route.tenantId, this.route.revisionId);
  }
}
