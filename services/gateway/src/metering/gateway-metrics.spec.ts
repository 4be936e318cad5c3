import { Metrics } from '@wherry/health';
import { unansweredAlerts } from '@wherry/testing';
import { expect, it } from 'vitest';
import type { GatewayState } from '../gateway';
import { MetricsCallMeter } from './call-meter';
import { addGatewayMetrics } from './gateway-metrics';

const backlog = { segments: 1, bytes: 10, oldestAtMs: 1_000 };
const state: GatewayState = { inFlight: 0, parked: 0, routesVersion: 7n, backlog };

it('has every series that alerts ask the gateway for, and tells how long receipts wait', async () => {
  const metrics = new Metrics();
  new MetricsCallMeter(metrics);
  addGatewayMetrics(metrics, { state: async () => state }, () => 61_000);
  const text = await metrics.render();
  expect(unansweredAlerts('gateway', text)).toEqual([]);
  expect(text).toContain('wherry_gateway_journal_oldest_seconds 60\n');
});
