import { expect, it } from 'vitest';
import { invocationMibMs, toGbSeconds } from './metering';

it('bills memory times duration, rounded up to the millisecond, and never less than one', () => {
  expect(invocationMibMs(128, 0)).toBe(128);
  expect(invocationMibMs(128, 0.2)).toBe(128);
  expect(invocationMibMs(128, 2.01)).toBe(384);
});

it('counts one GiB for one second as one GB-second', () => {
  expect(toGbSeconds(invocationMibMs(1024, 1000))).toBe(1);
});
