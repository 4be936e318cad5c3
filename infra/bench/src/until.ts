import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again, with `everyMs` in between. @throws Error when it is not so in time. */
export async function until(
  condition: () => Promise<boolean>,
  { seconds, everyMs }: Readonly<{ seconds: number; everyMs: number }> = { seconds: 120, everyMs: 20 },
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${seconds} s in vain.`);
    await delay(everyMs);
  }
}
