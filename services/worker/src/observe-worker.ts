import type { Metrics } from '@wherry/health';
import type { LogFields } from '@wherry/logging';
import type { Worker } from './worker';

const ends = ['released', 'skipped', 'failed', 'cancelled', 'superseded', 'ended', 'left', 'retried'] as const;
type End = (typeof ends)[number];

/** From a small function to one that compiles for a quarter of an hour, in seconds. */
const buildBuckets = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200] as const;

/** Counts plans, builds, proofs and reports by the lines that are logged of them. */
export function observeWorker(metrics: Metrics): (fields: LogFields) => void {
  const builds = metrics.counter({
    name: 'wherry_worker_builds_total',
    help: 'Builds by how they ended here. `left` and `retried` go on elsewhere; `failed` is told to the developer.',
    labels: { outcome: ends },
  });
  const seconds = metrics.histogram(
    { name: 'wherry_worker_build_duration_seconds', help: 'How long builds took that made a release or failed.' },
    buildBuckets,
  );
  const plans = metrics.counter({
    name: 'wherry_worker_plans_total',
    help: 'Pushed heads that were looked at.',
  });
  const proofs = metrics.counter({
    name: 'wherry_worker_proofs_total',
    help: 'Releases whose routes were proven, or not, through the gateways.',
    labels: { outcome: ['ok', 'failed'] },
  });
  const reports = metrics.counter({
    name: 'wherry_worker_reports_total',
    help: 'Rounds in which GitHub was told of a deployment. `failed` ones are tried again for a day.',
    labels: { outcome: ['ok', 'failed'] },
  });
  return ({ op, ok, durationMs, message }) => {
    if (op === 'deployment.plan') plans.add({});
    else if (op === 'release.prove') proofs.add({ outcome: ok ? 'ok' : 'failed' });
    else if (op === 'deployment.report') reports.add({ outcome: ok ? 'ok' : 'failed' });
    if (op !== 'deployment.build') return;
    const end: End = ok ? (ends.find((each) => each === message) ?? 'ended') : 'retried';
    builds.add({ outcome: end });
    if (end === 'released' || end === 'failed') seconds.observe({}, (durationMs ?? 0) / 1_000);
  };
}

/** Builds that are in hand now. */
export function observeBuilds(metrics: Metrics, worker: Pick<Worker, 'builds'>): void {
  const running = 'Builds that this worker runs.';
  const waiting = 'Builds that wait for a place in this worker.';
  metrics.read({ name: 'wherry_worker_builds_running', help: running }, () => worker.builds().running);
  metrics.read({ name: 'wherry_worker_builds_waiting', help: waiting }, () => worker.builds().waiting);
}
