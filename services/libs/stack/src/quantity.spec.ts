import { describe, expect, it } from 'vitest';
import { durationMs } from './duration';
import { cpuMillicores, memoryMiB } from './quantity';

describe('quantities', () => {
  it.each([
    ['128Mi', 128],
    ['1Gi', 1_024],
    ['128M', 123],
    ['1048577', 2],
    ['0.5Gi', 512],
  ])('reads the memory %s in MiB, rounded up', (text, mib) => expect(memoryMiB(text)).toBe(mib));

  it.each(['', '128m', '-1Mi', '1e3', '1 Mi', 'Mi', '0x10', 'Infinity', '9'.repeat(400)])(
    'refuses the memory "%s"',
    (text) => expect(memoryMiB(text)).toBeNull(),
  );

  it.each([
    ['100m', 100],
    ['0.5', 500],
    ['2', 2_000],
    ['0.0005', 1],
  ])('reads the CPU %s in millicores, rounded up', (text, millicores) => expect(cpuMillicores(text)).toBe(millicores));

  it.each(['', 'm', '-1', '1k', '1mm'])('refuses the CPU "%s"', (text) => expect(cpuMillicores(text)).toBeNull());

  it.each([
    ['30', 30_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['250ms', 250],
    ['0', 0],
  ])('reads the duration %s in milliseconds', (text, ms) => expect(durationMs(text)).toBe(ms));

  it.each(['', '-1s', '1 s', '1d', 's', `${'1s'.repeat(40)}`])('refuses the duration "%s"', (text) =>
    expect(durationMs(text)).toBeNull(),
  );
});
