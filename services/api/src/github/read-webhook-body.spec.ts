import { PassThrough } from 'node:stream';
import type { Request } from 'express';
import { expect, it } from 'vitest';
import { ByteBudget, largeBytes, readWebhookBody } from './read-webhook-body';

/** A request whose body the test writes. */
function begin(contentLength?: number): PassThrough & Request {
  const headers = contentLength === undefined ? {} : { 'content-length': String(contentLength) };
  return Object.assign(new PassThrough(), { headers }) as unknown as PassThrough & Request;
}
function hasRoom(budget: ByteBudget, count: number): boolean {
  const isTaken = budget.take(count, 0);
  if (isTaken) budget.give(count);
  return isTaken;
}
const limits = (budget: ByteBudget, timeoutMs = 60_000) => ({ maxBytes: 100, timeoutMs, budget });

it('holds no more bytes than the budget over all bodies, finished or not, and gives them back', async () => {
  const budget = new ByteBudget(100);
  const unfinished = begin();
  const reading = readWebhookBody(unfinished, limits(budget));
  unfinished.write('x'.repeat(70));
  await expect.poll(() => hasRoom(budget, 31)).toBe(false);
  const second = begin();
  second.end('y'.repeat(31));
  await expect(readWebhookBody(second, limits(budget))).rejects.toMatchObject({ code: 'platform.unavailable' });
  const third = begin();
  third.end('z'.repeat(30));
  const held = await readWebhookBody(third, limits(budget));
  expect(held.bytes.toString()).toBe('z'.repeat(30));
  expect(hasRoom(budget, 1)).toBe(false); // held until it is released, not until it is read
  held.release();
  unfinished.end();
  (await reading).release();
  expect(hasRoom(budget, 100)).toBe(true);
});

it('counts what has arrived and not what is announced, so that nobody keeps others out by promises', async () => {
  const budget = new ByteBudget(100);
  const silent = begin(100);
  const reading = readWebhookBody(silent, limits(budget));
  const other = begin(100);
  other.end('x'.repeat(100));
  (await readWebhookBody(other, limits(budget))).release();
  silent.end();
  (await reading).release();
});

it('refuses a body that is too large by its length or on its way, and gives its bytes back', async () => {
  const budget = new ByteBudget(200);
  await expect(readWebhookBody(begin(101), limits(budget))).rejects.toMatchObject({ code: 'request.too_large' });
  const lying = begin(1);
  lying.end('x'.repeat(101));
  await expect(readWebhookBody(lying, limits(budget))).rejects.toMatchObject({ code: 'request.too_large' });
  expect(hasRoom(budget, 200)).toBe(true);
});

it('keeps a quarter of the budget for bodies that are not large, however the large ones arrive', async () => {
  const budget = new ByteBudget(4 * largeBytes);
  const most = { maxBytes: 4 * largeBytes, timeoutMs: 60_000, budget };
  const hog = begin();
  const reading = readWebhookBody(hog, most);
  for (let part = 0; part < 3; part += 1) hog.write(Buffer.alloc(largeBytes));
  await expect.poll(() => hasRoom(budget, largeBytes + 1)).toBe(false);
  expect(hasRoom(budget, largeBytes)).toBe(true);
  const second = begin();
  const refused = readWebhookBody(second, most);
  second.write(Buffer.alloc(largeBytes));
  second.write(Buffer.alloc(1)); // from here on it is large as well
  await expect(refused).rejects.toMatchObject({ code: 'platform.unavailable' });
  const small = begin();
  small.end(Buffer.alloc(largeBytes));
  (await readWebhookBody(small, most)).release();
  hog.end();
  (await reading).release();
  expect(hasRoom(budget, largeBytes)).toBe(true);
});

it('ends a body that does not arrive in time, or breaks off, and gives its bytes back', async () => {
  const budget = new ByteBudget(100);
  const slow = begin();
  slow.write('x');
  await expect(readWebhookBody(slow, limits(budget, 20))).rejects.toMatchObject({ code: 'request.too_slow' });
  expect(slow.destroyed).toBe(false); // or nobody could answer it
  const broken = begin();
  const reading = readWebhookBody(broken, limits(budget));
  broken.write('x');
  broken.destroy(new Error('aborted'));
  await expect(reading).rejects.toThrow('aborted');
  expect(hasRoom(budget, 100)).toBe(true);
});
