import { Metrics } from '@wherry/health';
import { unansweredAlerts } from '@wherry/testing';
import { expect, it } from 'vitest';
import { observeBuilds, observeWorker } from './observe-worker';

it('counts builds by their end, the time of those that came to one, proofs and reports', async () => {
  const metrics = new Metrics();
  const observe = observeWorker(metrics);
  observe({ op: 'deployment.plan', ok: true, message: 'queued' });
  observe({ op: 'deployment.build', ok: true, durationMs: 1_500, message: 'released' });
  observe({ op: 'deployment.build', ok: true, durationMs: 500, message: 'failed' });
  observe({ op: 'deployment.build', ok: true, durationMs: 9_000, message: 'cancelled' });
  observe({ op: 'deployment.build', ok: false, durationMs: 9_000, message: 'the keeper is away' });
  observe({ op: 'release.prove', ok: true, message: 'live' });
  observe({ op: 'release.prove', ok: false, message: 'another revision answered' });
  observe({ op: 'deployment.report', ok: true, message: 'live' });
  observe({ op: 'deployment.report', ok: false, message: 'GitHub answered 500' });
  const lines = (await metrics.render()).split('\n').filter((line) => !/^#|_bucket| 0$|^$/.test(line));
  expect(lines).toEqual([
    'wherry_worker_builds_total{outcome="released"} 1',
    'wherry_worker_builds_total{outcome="failed"} 1',
    'wherry_worker_builds_total{outcome="cancelled"} 1',
    'wherry_worker_builds_total{outcome="retried"} 1',
    'wherry_worker_build_duration_seconds_sum 2',
    'wherry_worker_build_duration_seconds_count 2',
    'wherry_worker_plans_total 1',
    'wherry_worker_proofs_total{outcome="ok"} 1',
    'wherry_worker_proofs_total{outcome="failed"} 1',
    'wherry_worker_reports_total{outcome="ok"} 1',
    'wherry_worker_reports_total{outcome="failed"} 1',
  ]);
});

it('has every series that alerts ask the worker for', async () => {
  const metrics = new Metrics();
  observeWorker(metrics);
  observeBuilds(metrics, { builds: () => ({ running: 0, waiting: 0 }) });
  expect(unansweredAlerts('worker', await metrics.render())).toEqual([]);
});
