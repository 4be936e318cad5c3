import type { TrafficView } from './world';

/** A replica that gateways were told to leave: the routing version that says so, and since when it is written. */
export type Drain = Readonly<{ version: bigint; sinceMs: number }>;

export type DrainRules = Readonly<{
  /** How long a drain waits while no gateway is alive. */
  noGatewayMs: number;
}>;

/**
 * Whether a draining replica may be stopped: every live gateway has acknowledged the version that left it out, and its
 * revision has no call in flight or the longest time that a call may take has passed. Judged by when the traffic was
 * read, not by the clock: while the database is away nothing looks drained, however long that takes.
 */
export function isDrained(
  drain: Drain,
  traffic: TrafficView,
  revision: Readonly<{ revisionId: string; timeoutMs: number }>,
  rules: DrainRules,
): boolean {
  const waitedMs = traffic.readAtMs - drain.sinceMs;
  if (traffic.acknowledgedByLive === null) return waitedMs >= rules.noGatewayMs;
  if (traffic.acknowledgedByLive < drain.version) return false;
  const inFlight = traffic.activity.get(revision.revisionId)?.inFlight ?? 0;
  return inFlight === 0 || waitedMs >= revision.timeoutMs;
}
