import { expect, it } from 'vitest';
import { bytes, callTimeoutMs, durationMs, flag, readLimits } from './limits';

it.each([
  ['10', 10_000],
  ['1m30s', 90_000],
  ['1.5s', 1500],
  ['250ms', 250],
  ['1h', 3_600_000],
  ['soon', 7],
  ['10 s', 7],
  ['-1s', 7],
  ['', 7],
  [undefined, 7],
])('reads the duration %s as %i ms', (text, expected) => {
  expect(durationMs(text, 7)).toBe(expected);
});

it.each([
  ['100', 100],
  ['100kb', 102_400],
  ['2 MB', 2_097_152],
  ['1b', 1],
  ['much', 7],
  [undefined, 7],
])('reads the size %s as %i bytes', (text, expected) => {
  expect(bytes(text, 7)).toBe(expected);
});

it('takes true and 1 for yes, an empty value for the default, and anything else for no', () => {
  expect(['true', '1', 'false', '0', 'yes'].map((text) => flag(text, true))).toEqual([true, true, false, false, false]);
  expect([flag('', true), flag(undefined, true), flag(undefined, false)]).toEqual([true, true, false]);
});

it('has no limits where the environment says nothing, or nothing that can be read', () => {
  const none = { execTimeoutMs: 0, maxInFlight: 0, graceMs: 0 };
  expect(readLimits({})).toEqual(none);
  expect(readLimits({ exec_timeout: 'x', max_inflight: '-3', healthcheck_interval: 'x' })).toEqual(none);
});

it('lets a caller shorten the time of a call, or set one where there is none, but never lengthen it', () => {
  const limits = readLimits({ exec_timeout: '10s' });
  expect(callTimeoutMs(limits, '5s')).toBe(5000);
  expect(callTimeoutMs(limits, '20s')).toBe(10_000);
  expect(callTimeoutMs(limits, 'x')).toBe(10_000);
  expect(callTimeoutMs(readLimits({}), '5s')).toBe(5000);
});
