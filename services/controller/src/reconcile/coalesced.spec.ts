import { expect, it } from 'vitest';
import { Coalesced } from './coalesced';

it('answers every request by a run that began after it, however many come at once', async () => {
  let started = 0;
  let release: () => void = () => undefined;
  const work = new Coalesced(
    () => {
      started += 1;
      return new Promise((resolve) => (release = resolve));
    },
    () => undefined,
  );
  const first = work.request();
  const later = [work.request(), work.request(), work.request()];
  expect(started).toBe(1);
  while (started < 2) {
    release();
    await Promise.resolve();
  }
  release();
  await Promise.all([first, ...later]);
  expect(started).toBe(2);
});

it('runs again after a failure', async () => {
  const errors: unknown[] = [];
  let runs = 0;
  const work = new Coalesced(
    () => Promise.reject(new Error(`run ${++runs}`)),
    (error) => errors.push(error),
  );
  await work.request();
  await work.request();
  expect(errors).toMatchObject([{ message: 'run 1' }, { message: 'run 2' }]);
});
