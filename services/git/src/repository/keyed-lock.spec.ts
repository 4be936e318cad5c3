import { describe, expect, it } from 'vitest';
import { KeyedLock } from './keyed-lock';

describe('KeyedLock', () => {
  it('runs work of one key one after the other, in order, also after a failure', async () => {
    const lock = new KeyedLock();
    const seen: string[] = [];
    const first = Promise.withResolvers<void>();
    const runs = [
      lock.run('a', async () => {
        await first.promise;
        seen.push('first');
        throw new Error('failed');
      }),
      lock.run('a', async () => void seen.push('second')),
      lock.run('b', async () => void seen.push('other')),
    ];
    await runs[2];
    expect(lock.isHeld('a')).toBe(true);
    first.resolve();
    await expect(runs[0]).rejects.toThrow('failed');
    await runs[1];
    expect(seen).toEqual(['other', 'first', 'second']);
    expect(lock.isHeld('a')).toBe(false);
  });
});
