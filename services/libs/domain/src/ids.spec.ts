import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { idPrefixes, newId } from './ids';

it('has a prefix of its own for each kind, and is a DNS label without the underscore', () => {
  expect(new Set(Object.values(idPrefixes)).size).toBe(Object.keys(idPrefixes).length);
  for (const kind of Object.keys(idPrefixes) as (keyof typeof idPrefixes)[]) {
    expect(newId(kind, randomBytes)).toMatch(new RegExp(`^${idPrefixes[kind]}_[0-9a-z]{20}$`));
  }
});

it('takes its 100 random bits from the source: five of each byte', () => {
  expect(newId('tenant', (count) => new Uint8Array(count))).toBe(`ten_${'0'.repeat(20)}`);
  expect(newId('tenant', (count) => new Uint8Array(count).fill(255))).toBe(`ten_${'z'.repeat(20)}`);
  expect(new Set(Array.from({ length: 1_000 }, () => newId('function', randomBytes))).size).toBe(1_000);
});
