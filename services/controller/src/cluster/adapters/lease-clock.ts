import { setTimeout as sleep } from 'node:timers/promises';
import type { LeaseClock } from '../leader-lease';

/** The machine's clocks. */
export const leaseClock: LeaseClock = {
  monotonicMs: () => performance.now(),
  timestamp: () => new Date().toISOString().replace('Z', '000Z'),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  },
};
