import { setTimeout as delay } from 'node:timers/promises';

/** Asks every 20 ms. @throws Error when it is not so in time. */
export async function until(condition: () => Promise<boolean>, seconds = 120): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${seconds} s in vain.`);
    await delay(20);
  }
}
