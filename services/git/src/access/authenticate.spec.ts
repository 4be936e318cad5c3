import type { GitIdentity } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { authenticate, notFound, passwordOf } from './authenticate';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const identity: GitIdentity = {
  ...{ tenantId: 'ten_1', tenantSlug: 'acme', isSuspended: false },
  ...{ canPush: true, canRead: true, repositoryId: null },
};
const known = (change: Partial<GitIdentity> = {}) => ({ identify: async () => ({ ...identity, ...change }) });

describe('passwordOf', () => {
  it.each([
    [basic('anyone:secret'), 'secret'],
    [basic(':a:b'), 'a:b'],
    [basic('no-colon'), null],
    [basic('empty:'), null],
    [basic(`x:${'y'.repeat(600)}`), null],
    ['Bearer secret', null],
    [undefined, null],
  ])('of %s is %s', (header, password) => {
    expect(passwordOf(header)).toBe(password);
  });
});

describe('authenticate', () => {
  it('lets in who may push to the own tenant', async () => {
    expect(await authenticate(known(), basic('x:y'), 'acme', 'push')).toEqual(identity);
  });

  it.each([
    ['no header', known(), undefined, 401],
    ['an unknown token', { identify: async () => null }, basic('x:y'), 401],
    ['a token for something else', known({ canPush: false, canRead: false }), basic('x:y'), 401],
    ['a token that only reads', known({ canPush: false }), basic('x:y'), 403],
    ['a suspended tenant', known({ isSuspended: true }), basic('x:y'), 403],
  ])('turns away %s', async (_, identities, header, status) => {
    expect(await authenticate(identities, header, 'acme', 'push')).toMatchObject({ status });
  });

  it("answers another tenant's address as a missing one, suspended or not", async () => {
    expect(await authenticate(known({ isSuspended: true }), basic('x:y'), 'other', 'read')).toBe(notFound);
  });
});
