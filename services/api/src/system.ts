import { createHash } from 'node:crypto';

/** Time and randomness, which come from outside. */
export interface System {
  now(): Date;
  randomBytes(count: number): Uint8Array;
}

/** Injection tokens of what is no class. */
export const SYSTEM = Symbol('System');
export const SETTINGS = Symbol('ApiSettings');
export const LOG = Symbol('Log');
export const KEYS = Symbol('SealingKeys');

/** A new value that opens something, with 256 random bits. @param prefix tells people and scanners what it is. */
export function newSecretValue(prefix: string, system: System): string {
  return `${prefix}${Buffer.from(system.randomBytes(32)).toString('base64url')}`;
}

/** What is stored of such a value: its SHA-256. No salt and no stretching, because the value is random. */
export function hashOf(value: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(value).digest());
}
