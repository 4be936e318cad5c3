import { expect, it } from 'vitest';
import { replica, revision, world, type WorldParts } from '../testing/worlds';
import { idleUsage } from './idle-usage';

const scale = { min: 1, max: 5, idleSeconds: 60 };
const parts: WorldParts = {
  revisions: [revision('rev_a', { scale, memoryMiB: 100 })],
  routed: ['rev_a'],
  observed: [replica('rpl_1', 'rev_a'), replica('rpl_2', 'rev_a')],
};
const metered = (change: Partial<WorldParts>, inFlight = 0, lastRequestAtMs = 0, nowMs = 160_000) => {
  const activity = new Map([['rev_a', { inFlight, lastRequestAtMs }]]);
  const traffic = { readAtMs: nowMs, acknowledgedByLive: 1n, activity };
  const usages = idleUsage(world({ ...parts, ...change, change: { traffic } }), 100_000, nowMs);
  return usages.get('ten_a')?.[0]?.idleMibMs ?? 0;
};

it('meters the minimum only, since the last request only, and nothing while a call runs', () => {
  expect(metered({})).toBe(60_000 * 100);
  expect(metered({}, 0, 150_000)).toBe(10_000 * 100);
  expect(metered({}, 1)).toBe(0);
  expect(metered({ observed: [replica('rpl_1', 'rev_a', { startedAtMs: 140_000 })] })).toBe(20_000 * 100);
  expect(metered({ observed: [replica('rpl_1', 'rev_a', { state: 'starting' })] })).toBe(0);
});

it('meters nothing of functions without a minimum, of revisions without a route, and of time the machine was away', () => {
  expect(metered({ revisions: [revision('rev_a')] })).toBe(0);
  expect(metered({ routed: [] })).toBe(0);
  expect(metered({}, 0, 0, 10_000_000)).toBe(0);
});
