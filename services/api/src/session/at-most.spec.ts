import { expect, it } from 'vitest';
import { AtMost } from './at-most';

it('refuses what is one too many, without doing it, until another has ended or failed', async () => {
  const turns = new AtMost(2);
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const running = [turns.run(() => first.promise), turns.run(() => second.promise)];
  let isDone = false;
  const third = () =>
    turns.run(async () => {
      isDone = true;
    });
  await expect(third()).rejects.toThrow('There are 2 under way');
  expect(isDone).toBe(false);
  first.reject(new Error('it failed'));
  await expect(running[0]).rejects.toThrow('it failed');
  await third();
  expect(isDone).toBe(true);
  second.resolve('done');
  expect(await running[1]).toBe('done');
});
