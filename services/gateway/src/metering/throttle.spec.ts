import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Throttle } from './throttle';

const unexpected = (error: unknown): never => {
  throw error;
};

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('works at once when it was quiet, and then at most once in each pause', async () => {
  let runs = 0;
  const throttle = new Throttle(1_000, async () => void (runs += 1), unexpected);
  throttle.request();
  throttle.request();
  await vi.advanceTimersByTimeAsync(10);
  expect(runs).toBe(1);
  for (let count = 0; count < 5; count += 1) throttle.request();
  await vi.advanceTimersByTimeAsync(900);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBe(2);
});

it('tries again after a failure, with the pause in between', async () => {
  const errors: unknown[] = [];
  let runs = 0;
  const work = async (): Promise<void> => {
    runs += 1;
    if (runs < 3) throw new Error('away');
  };
  const throttle = new Throttle(1_000, work, (error) => errors.push(error));
  throttle.request();
  await vi.advanceTimersByTimeAsync(1_500);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([runs, errors.length]).toEqual([3, 2]);
});

it('does nothing more once it was stopped', async () => {
  let runs = 0;
  const throttle = new Throttle(1_000, async () => void (runs += 1), unexpected);
  await throttle.stop();
  throttle.request();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(runs).toBe(0);
});
