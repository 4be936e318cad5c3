import { expect, it } from 'vitest';
import { mapLimited } from './map-limited';

it('keeps the order and never works on more than the limit', async () => {
  let active = 0;
  let most = 0;
  const results = await mapLimited([3, 1, 2, 0], 2, async (item) => {
    most = Math.max(most, ++active);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    active--;
    return item * 10;
  });
  expect(results).toEqual([30, 10, 20, 0]);
  expect(most).toBe(2);
});

it('starts nothing after a failure and throws it when everything has ended', async () => {
  const started: number[] = [];
  let hasEnded = false;
  const work = async (item: number): Promise<void> => {
    started.push(item);
    if (item === 1) throw new Error('first');
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    hasEnded = true;
  };
  await expect(mapLimited([1, 2, 3, 4], 2, work)).rejects.toThrow('first');
  expect(started).toEqual([1, 2]);
  expect(hasEnded).toBe(true);
});
