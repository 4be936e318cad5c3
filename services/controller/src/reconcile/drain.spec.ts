import { describe, expect, it } from 'vitest';
import { isDrained } from './drain';
import { type TrafficView, viewTraffic } from './world';

const drain = { version: 7n, sinceMs: 1_000 };
const revision = { revisionId: 'rev_a', timeoutMs: 30_000 };
const rules = { noGatewayMs: 15_000 };
const traffic = (change: Partial<TrafficView>): TrafficView => ({
  readAtMs: 1_500,
  acknowledgedByLive: 7n,
  activity: new Map(),
  ...change,
});

describe('isDrained', () => {
  it('waits until every live gateway has acknowledged the version', () => {
    expect(isDrained(drain, traffic({ acknowledgedByLive: 6n, readAtMs: 1e9 }), revision, rules)).toBe(false);
    expect(isDrained(drain, traffic({ acknowledgedByLive: 7n }), revision, rules)).toBe(true);
  });

  it('waits for calls in flight, at most as long as one may take', () => {
    const activity = new Map([['rev_a', { inFlight: 1, lastRequestAtMs: 0 }]]);
    expect(isDrained(drain, traffic({ activity, readAtMs: 30_999 }), revision, rules)).toBe(false);
    expect(isDrained(drain, traffic({ activity, readAtMs: 31_000 }), revision, rules)).toBe(true);
  });

  it('waits a while when no gateway is alive, by the time of the last read', () => {
    const alone = { acknowledgedByLive: null };
    expect(isDrained(drain, traffic({ ...alone, readAtMs: 15_999 }), revision, rules)).toBe(false);
    expect(isDrained(drain, traffic({ ...alone, readAtMs: 16_000 }), revision, rules)).toBe(true);
  });
});

describe('viewTraffic', () => {
  const gateway = (gatewayId: string, acknowledgedVersion: bigint, lastSeenAgeMs: number) => ({
    gatewayId,
    acknowledgedVersion,
    lastSeenAgeMs,
  });
  const row = (gatewayId: string, inFlight: number, lastRequestAgeMs: number) => ({
    tenantId: 'ten_a',
    revisionId: 'rev_a',
    gatewayId,
    inFlight,
    lastRequestAgeMs,
  });

  it('takes the slowest live gateway, and leaves out one that is gone', () => {
    const gateways = [gateway('a', 9n, 100), gateway('b', 8n, 9_999), gateway('gone', 1n, 10_000)];
    expect(viewTraffic({ gateways, activity: [] }, 0, 10_000).acknowledgedByLive).toBe(8n);
    expect(viewTraffic({ gateways: [], activity: [] }, 0, 10_000).acknowledgedByLive).toBeNull();
  });

  it('adds up calls in flight of live gateways only, and takes the newest request of all', () => {
    const gateways = [gateway('a', 1n, 0), gateway('b', 1n, 0), gateway('gone', 1n, 60_000)];
    const activity = [row('a', 2, 500), row('b', 3, 900), row('gone', 50, 100)];
    const view = viewTraffic({ gateways, activity }, 10_000, 10_000);
    expect(view.activity.get('rev_a')).toEqual({ inFlight: 5, lastRequestAtMs: 9_900 });
  });
});
