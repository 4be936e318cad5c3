import { randomBytes } from 'node:crypto';
import type { System } from '../system';

/** The machine's clock and its cryptographic randomness. */
export const realSystem: System = {
  now: () => new Date(),
  randomBytes: (count) => randomBytes(count),
};
