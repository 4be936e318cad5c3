import type { Count, Histogram, Metrics } from '@wherry/health';

/** How a call ended, for operators. `refused` and `limited` are the caller's doing, `unavailable` is the platform's. */
const outcomes = ['answered', 'failed', 'timed_out', 'caller_left', 'refused', 'limited', 'unavailable'] as const;
export type CallOutcome = (typeof outcomes)[number];

/** Where calls are counted: each one exactly once. */
export interface CallMeter {
  /** It was sent to a replica, and lasted this long there. */
  ended(end: Readonly<{ status: number; outcome: 'complete' | 'aborted'; billed: boolean }>, durationMs: number): void;
  /** The gateway answered it, with this status, and sent nothing of it to a replica. */
  refused(status: number): void;
}

export const noMeter: CallMeter = { ended: () => undefined, refused: () => undefined };

/** Counts calls, and how long they were at their replica. */
export class MetricsCallMeter implements CallMeter {
  private readonly counts: Readonly<Record<CallOutcome, Count>>;
  private readonly durations: Histogram<Record<never, never>>;

  constructor(metrics: Metrics) {
    const calls = metrics.counter({
      name: 'wherry_gateway_calls_total',
      help: 'Calls to functions, by how they ended.',
      labels: { outcome: outcomes },
    });
    this.counts = Object.fromEntries(outcomes.map((outcome) => [outcome, calls.of({ outcome })])) as typeof this.counts;
    this.durations = metrics.histogram({
      name: 'wherry_gateway_call_duration_seconds',
      help: 'How long calls were at their replica.',
    });
  }

  ended(end: Parameters<CallMeter['ended']>[0], durationMs: number): void {
    this.counts[outcomeOf(end)].count += 1;
    this.durations.observe({}, durationMs / 1_000);
  }

  refused(status: number): void {
    this.counts[refusalOf(status)].count += 1;
  }
}

export function outcomeOf({ status, outcome, billed }: Parameters<CallMeter['ended']>[0]): CallOutcome {
  if (outcome === 'complete') return 'answered';
  if (status === 504) return 'timed_out';
  if (status === 413) return 'refused';
  // What the function broke off is not billed; what its caller broke off is.
  return billed ? 'caller_left' : 'failed';
}

export function refusalOf(status: number): CallOutcome {
  if (status === 429) return 'limited';
  if (status === 504) return 'timed_out';
  return status >= 500 ? 'unavailable' : 'refused';
}
