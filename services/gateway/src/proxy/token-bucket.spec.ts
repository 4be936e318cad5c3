import { expect, it } from 'vitest';
import { TokenBucket } from './token-bucket';

const takeAll = (bucket: TokenBucket, nowMs: number): number => {
  let taken = 0;
  while (bucket.take(nowMs)) taken += 1;
  return taken;
};

it('lets a burst through, then the rate, and never saves up more than a burst', () => {
  const bucket = new TokenBucket(10, 20, 0);
  expect(takeAll(bucket, 0)).toBe(20);
  expect(takeAll(bucket, 500)).toBe(5);
  expect(takeAll(bucket, 60_000)).toBe(20);
});

it('says when the next call may come', () => {
  const bucket = new TokenBucket(0.2, 1, 0);
  bucket.take(0);
  expect(bucket.take(0)).toBe(false);
  expect(bucket.retryAfterSeconds()).toBe(5);
});

it('gives nothing for a clock that steps back', () => {
  const bucket = new TokenBucket(10, 1, 1_000);
  expect(bucket.take(1_000)).toBe(true);
  expect(bucket.take(0)).toBe(false);
  expect(bucket.take(1_050)).toBe(false);
  expect(bucket.take(1_100)).toBe(true);
});
