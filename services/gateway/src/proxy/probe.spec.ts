import { signProbe } from '@wherry/contract';
import { describe, expect, it } from 'vitest';
import { isGenuineProbe } from './probe';

const nowMs = 1_700_000_000_000;
const signed = { key: 'k', sentAtMs: nowMs, nonce: 'n-1', host: 'acme.localhost:8080', path: '/hello?x' };
const request = { host: signed.host, path: signed.path };
const genuine = (value: string, changes: Partial<typeof request> = {}, key = 'k', at = nowMs) =>
  isGenuineProbe(value, { ...request, ...changes }, key, at);

describe('isGenuineProbe', () => {
  it('takes what the platform signed for this route within 30 s', () => {
    expect(genuine(signProbe(signed))).toBe(true);
    expect(genuine(signProbe(signed), {}, 'k', nowMs + 30_000)).toBe(true);
    expect(genuine(signProbe(signed), {}, 'k', nowMs - 30_000)).toBe(true);
  });

  it('takes nothing older, newer, for another host or path, or with another key', () => {
    expect(genuine(signProbe(signed), {}, 'k', nowMs + 30_001)).toBe(false);
    expect(genuine(signProbe(signed), {}, 'k', nowMs - 30_001)).toBe(false);
    expect(genuine(signProbe(signed), { host: 'other.localhost:8080' })).toBe(false);
    expect(genuine(signProbe(signed), { path: '/hello' })).toBe(false);
    expect(genuine(signProbe(signed), {}, 'other')).toBe(false);
  });

  it.each([
    '',
    'x',
    '1.2.3',
    `${nowMs}.n-1.`,
    `0${signProbe(signed)}`,
    `${signProbe(signed)}0`,
    'NaN.n.' + '0'.repeat(64),
  ])('takes no malformed value %s', (value) => expect(genuine(value)).toBe(false));
});
