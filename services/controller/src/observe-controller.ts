import type { Metrics } from '@wherry/health';
import type { LogFields } from '@wherry/logging';
import type { Controller } from './controller';

/** Counts what the controller does, by the lines that are logged of it. */
export function observeController(metrics: Metrics): (fields: LogFields) => void {
  const releases = metrics.counter({
    name: 'wherry_controller_releases_total',
    help: 'Releases whose routes moved, that ended without that, and steps of them that are tried again.',
    labels: { outcome: ['routed', 'failed', 'ended', 'retried'] },
  });
  const reconciles = metrics.histogram({
    name: 'wherry_controller_reconcile_duration_seconds',
    help: 'How long it took to decide what should run, each time that changed.',
  });
  const failures = metrics.counter({
    name: 'wherry_controller_failures_total',
    help: 'Failed reads, writes and calls of the cluster, at most one of each kind in ten seconds.',
  });
  const leads = metrics.gauge({
    name: 'wherry_controller_leader',
    help: '1 in the controller that leads, 0 in others.',
  });
  const enforced = metrics.gauge({
    name: 'wherry_controller_network_policies_enforced',
    help: '1 when this controller, when it last looked, saw that the cluster enforces NetworkPolicies.',
  });
  return ({ op, ok, durationMs, message }) => {
    if (!ok && op !== 'platform.check') failures.add({});
    if (op === 'lease.acquire') leads.set({}, 1);
    else if (op === 'platform.check') enforced.set({}, ok ? 1 : 0);
    else if (op === 'state.reconcile') reconciles.observe({}, (durationMs ?? 0) / 1_000);
    else if (op === 'release.route' || op === 'release.finish') releases.add({ outcome: outcomeOf(ok, message) });
  };
}

/** The words are those of the release runner: `routed with version …`, or the status that a release ended with. */
function outcomeOf(ok: boolean, message = ''): 'routed' | 'failed' | 'ended' | 'retried' {
  if (!ok) return 'retried';
  if (message.startsWith('routed')) return 'routed';
  return message === 'failed' ? 'failed' : 'ended';
}

/** Replicas by state, once there is a controller that knows of them. */
export function observeReplicas(metrics: Metrics, controller: Pick<Controller, 'replicaCounts'>): void {
  for (const state of ['starting', 'ready', 'leaving', 'crashed'] as const) {
    metrics.read(
      { name: `wherry_controller_replicas_${state}`, help: `Replicas that are ${state}, as the engine reports them.` },
      () => controller.replicaCounts().get(state) ?? 0,
    );
  }
}
