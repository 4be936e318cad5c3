import type { NewDelivery } from '@wherry/db';
import { expect, it } from 'vitest';
import { DeliveryWriter } from './delivery-writer';

const delivery = (id: string, byteCount = 1): NewDelivery => ({
  ...{ id, event: 'push', action: null, installationId: null, repositoryId: null, failure: null },
  body: new Uint8Array(byteCount),
});

/** A store that finishes a batch when the test says so. */
function held() {
  const batches: { ids: string[]; finish: () => void }[] = [];
  const writer = new DeliveryWriter(
    (deliveries) =>
      new Promise((finish) => batches.push({ ids: deliveries.map(({ id }) => id), finish: () => finish() })),
  );
  return { writer, batches };
}

it('stores a lonely delivery at once, and all that come meanwhile together', async () => {
  const { writer, batches } = held();
  const writes = ['a', 'b', 'c', 'd', 'e'].map((id) => writer.write(delivery(id)));
  expect(batches.map(({ ids }) => ids)).toEqual([['a']]);
  batches[0]!.finish();
  await writes[0];
  await expect.poll(() => batches.length).toBe(2);
  expect(batches[1]!.ids).toEqual(['b', 'c', 'd', 'e']);
  batches[1]!.finish();
  await Promise.all(writes);
});

it('says that a delivery is stored only when its own batch is', async () => {
  const { writer, batches } = held();
  const said: string[] = [];
  for (const id of ['a', 'b']) void writer.write(delivery(id)).then(() => said.push(id));
  batches[0]!.finish();
  await expect.poll(() => batches.length).toBe(2);
  expect(said).toEqual(['a']);
  batches[1]!.finish();
  await expect.poll(() => said).toEqual(['a', 'b']);
});

it('keeps batches small in count and in bytes, but stores what is larger than a batch', async () => {
  const sizes: number[] = [];
  const writer = new DeliveryWriter(async (deliveries) => void sizes.push(deliveries.length));
  const mebibyte = 1_048_576;
  const large = [25, 25, 25, 2, 2, 2].map((size, n) => writer.write(delivery(`l${n}`, size * mebibyte)));
  await Promise.all([...large, ...Array.from({ length: 250 }, (_, n) => writer.write(delivery(`s${n}`)))]);
  expect(sizes.slice(0, 4)).toEqual([1, 1, 1, 2]);
  expect(Math.max(...sizes)).toBe(100);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(256);
});

it('refuses nobody for what is wrong with another', async () => {
  const stored: string[] = [];
  const writer = new DeliveryWriter(async (deliveries) => {
    if (deliveries.some(({ id }) => id === 'bad')) throw new Error('bad');
    stored.push(...deliveries.map(({ id }) => id));
  });
  const outcomes = await Promise.allSettled(['a', 'b', 'c', 'bad', 'd'].map((id) => writer.write(delivery(id))));
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  ]);
  expect(stored.toSorted()).toEqual(['a', 'b', 'c', 'd']);
});
