import { Metrics } from '@wherry/health';
import { expect, it } from 'vitest';
import { MetricsCallMeter, outcomeOf, refusalOf } from './call-meter';

it.each([
  [200, 'complete', true, 'answered'],
  [500, 'complete', true, 'answered'],
  [502, 'aborted', false, 'failed'],
  [200, 'aborted', false, 'failed'],
  [504, 'aborted', true, 'timed_out'],
  [413, 'aborted', false, 'refused'],
  [499, 'aborted', true, 'caller_left'],
  [200, 'aborted', true, 'caller_left'],
] as const)('takes a call of status %d that was %s (billed: %s) as %s', (status, outcome, billed, expected) => {
  expect(outcomeOf({ status, outcome, billed })).toBe(expected);
});

it('tells what the gateway refused by whose doing it was', () => {
  const statuses = [400, 403, 404, 405, 413, 429, 503, 504];
  expect(statuses.map(refusalOf)).toEqual([
    ...['refused', 'refused', 'refused', 'refused', 'refused', 'limited', 'unavailable', 'timed_out'],
  ]);
});

it('counts each call once, and the time of those that reached a replica', async () => {
  const metrics = new Metrics();
  const meter = new MetricsCallMeter(metrics);
  meter.ended({ status: 200, outcome: 'complete', billed: true }, 30);
  meter.refused(429);
  const text = await metrics.render();
  expect(text).toContain('wherry_gateway_calls_total{outcome="answered"} 1\n');
  expect(text).toContain('wherry_gateway_calls_total{outcome="limited"} 1\n');
  expect(text).toContain('wherry_gateway_call_duration_seconds_bucket{le="0.025"} 0\n');
  expect(text).toContain('wherry_gateway_call_duration_seconds_bucket{le="0.05"} 1\n');
  expect(text).toContain('wherry_gateway_call_duration_seconds_count 1\n');
});
