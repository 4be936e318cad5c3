import { Metrics } from '@wherry/health';
import { unansweredAlerts } from '@wherry/testing';
import { expect, it } from 'vitest';
import { observeController, observeReplicas } from './observe-controller';

async function numbers(metrics: Metrics): Promise<string[]> {
  const lines = (await metrics.render()).split('\n');
  return lines.filter((line) => !line.startsWith('#') && !line.includes('_bucket') && !/ 0$|^$/.test(line));
}

it('counts by the lines of the log: releases, decisions, who leads, and whether policies are enforced', async () => {
  const metrics = new Metrics();
  const observe = observeController(metrics);
  observe({ op: 'lease.acquire', ok: true });
  observe({ op: 'release.route', ok: true, message: 'routed with version 7' });
  observe({ op: 'release.route', ok: true, message: 'failed' });
  observe({ op: 'release.finish', ok: true, message: 'superseded' });
  observe({ op: 'release.finish', ok: false, message: 'the database is away' });
  observe({ op: 'state.reconcile', ok: true, durationMs: 250 });
  observe({ op: 'platform.check', ok: true, message: 'enforced' });
  expect(await numbers(metrics)).toEqual([
    'wherry_controller_releases_total{outcome="routed"} 1',
    'wherry_controller_releases_total{outcome="failed"} 1',
    'wherry_controller_releases_total{outcome="ended"} 1',
    'wherry_controller_releases_total{outcome="retried"} 1',
    'wherry_controller_reconcile_duration_seconds_sum 0.25',
    'wherry_controller_reconcile_duration_seconds_count 1',
    'wherry_controller_failures_total 1',
    'wherry_controller_leader 1',
    'wherry_controller_network_policies_enforced 1',
  ]);
  observe({ op: 'platform.check', ok: false, message: 'not enforced' });
  expect(await numbers(metrics)).not.toContain('wherry_controller_network_policies_enforced 1');
});

it('tells replicas by state', async () => {
  const metrics = new Metrics();
  observeReplicas(metrics, { replicaCounts: () => new Map([['ready', 3] as const, ['crashed', 1] as const]) });
  expect(await numbers(metrics)).toEqual([
    'wherry_controller_replicas_ready 3',
    'wherry_controller_replicas_crashed 1',
  ]);
});

it('has every series that alerts ask the controller for', async () => {
  const metrics = new Metrics();
  observeController(metrics);
  expect(unansweredAlerts('controller', await metrics.render())).toEqual([]);
});
