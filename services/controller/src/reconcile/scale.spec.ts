import { describe, expect, it } from 'vitest';
import { holdScale, type ScaleInput, wantedReplicas } from './scale';

const input: ScaleInput = {
  scale: { min: 0, max: 5, idleSeconds: 60 },
  labels: {},
  inFlight: 0,
  lastActiveAtMs: 0,
  knownAtMs: 0,
};

describe('wantedReplicas', () => {
  it('keeps one replica until the idle time has passed, then none', () => {
    expect(wantedReplicas({ ...input, knownAtMs: 59_999 })).toBe(1);
    expect(wantedReplicas({ ...input, knownAtMs: 60_000 })).toBe(0);
  });

  it('never goes below the minimum, however idle', () => {
    expect(wantedReplicas({ ...input, scale: { ...input.scale, min: 2 }, knownAtMs: 1e9 })).toBe(2);
  });

  it('is not idle while a call is in flight, however long that call takes', () => {
    expect(wantedReplicas({ ...input, inFlight: 1, knownAtMs: 1e9 })).toBe(1);
  });

  it.each([
    [50, 1],
    [51, 2],
    [101, 3],
    [10_000, 5],
  ])('wants for %i calls in flight %i replicas, up to the maximum', (inFlight, count) => {
    expect(wantedReplicas({ ...input, inFlight })).toBe(count);
  });

  it('takes the target from the label, and the default for one that is no number of calls', () => {
    const labels = { 'com.openfaas.scale.target': '10' };
    expect(wantedReplicas({ ...input, labels, inFlight: 21 })).toBe(3);
    expect(wantedReplicas({ ...input, labels: { 'com.openfaas.scale.target': '0' }, inFlight: 21 })).toBe(1);
    expect(wantedReplicas({ ...input, labels: { ...labels, 'com.openfaas.scale.type': 'rps' }, inFlight: 21 })).toBe(1);
  });
});

describe('holdScale', () => {
  it('keeps a higher count for the window after it was last wanted', () => {
    const high = holdScale(undefined, 3, 0, 60_000);
    expect(holdScale(high, 1, 59_999, 60_000).count).toBe(3);
    expect(holdScale(high, 1, 60_000, 60_000).count).toBe(1);
    const again = holdScale(high, 3, 50_000, 60_000);
    expect(holdScale(again, 1, 100_000, 60_000).count).toBe(3);
  });

  it('does not hold back going to zero', () => {
    expect(holdScale({ count: 3, atMs: 0 }, 0, 1, 60_000).count).toBe(0);
  });
});
