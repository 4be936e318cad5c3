import type { Metrics } from '@wherry/health';
import type { Gateway, GatewayState } from '../gateway';

/** What an operator alerts on, read from the gateway when it is asked for. */
export function addGatewayMetrics(metrics: Metrics, gateway: Pick<Gateway, 'state'>, nowMs: () => number): void {
  // All of them are asked for together: one look at the journal is enough.
  let shared: Promise<GatewayState> | null = null;
  const state = (): Promise<GatewayState> => (shared ??= gateway.state().finally(() => (shared = null)));
  const add = (name: string, help: string, read: (state: GatewayState) => number): void => {
    metrics.read({ name: `wherry_gateway_${name}`, help }, async () => read(await state()));
  };
  add('calls_in_flight', 'Calls that are at a replica.', ({ inFlight }) => inFlight);
  add('calls_parked', 'Calls that wait for a replica.', ({ parked }) => parked);
  add('routes_version', 'The routing version that is in use.', ({ routesVersion }) => Number(routesVersion));
  add('journal_segments', 'Segments of the journal that are not shipped.', ({ backlog }) => backlog.segments);
  add('journal_bytes', 'Receipts that are not shipped.', ({ backlog }) => backlog.bytes);
  const oldest = 'Age of the oldest segment of receipts that is not shipped; grows while the database is away.';
  add('journal_oldest_seconds', oldest, ({ backlog }) =>
    backlog.oldestAtMs === null ? 0 : Math.max(0, (nowMs() - backlog.oldestAtMs) / 1_000),
  );
}
