import { beforeAll, describe, expect, it } from 'vitest';
import { type KeyPair, type Sealed, type SecretPlace, keyIdOf, newKeyPair, open, seal } from './sealing';

const place: SecretPlace = { tenantId: 'ten_a', environmentId: 'env_a', name: 'api-key', version: 3 };
const value = Uint8Array.from([0, 255, 10, 13, 200]);

describe('sealing', () => {
  let pair: KeyPair;
  let sealed: Sealed;
  beforeAll(async () => {
    pair = await newKeyPair();
    sealed = await seal(pair.publicKey, { ...place, value });
  });

  it('gives back the very bytes that were sealed', async () => {
    expect(await open([pair], sealed, place)).toEqual(value);
    const empty = await seal(pair.publicKey, { ...place, value: new Uint8Array() });
    expect(await open([pair], empty, place)).toEqual(new Uint8Array());
  });

  it.each([
    ['tenant', { tenantId: 'ten_b' }],
    ['environment', { environmentId: 'env_b' }],
    ['name', { name: 'other' }],
    ['version', { version: 2 }],
  ])('refuses a ciphertext that was sealed for another %s', async (_part, change) => {
    await expect(open([pair], sealed, { ...place, ...change })).rejects.toMatchObject({ code: 'wrong_place' });
  });

  it('refuses a ciphertext with any bit changed, and does not tell its content', async () => {
    const changed = Uint8Array.from(sealed.sealed);
    changed[40] = (changed[40] ?? 0) ^ 1;
    await expect(open([pair], { ...sealed, sealed: changed }, place)).rejects.toMatchObject({ code: 'not_authentic' });
    const foreign = { keyId: pair.keyId, sealed: new Uint8Array(4) };
    await expect(open([pair], foreign, place)).rejects.toMatchObject({ code: 'not_authentic' });
  });

  it('opens what was sealed to an older key as long as that key is held', async () => {
    const newer = await newKeyPair();
    expect(await open([newer, pair], sealed, place)).toEqual(value);
    await expect(open([newer], sealed, place)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('seals equal values to different bytes and names the key by the hash of its public half', async () => {
    const again = await seal(pair.publicKey, { ...place, value });
    expect(again.sealed).not.toEqual(sealed.sealed);
    expect(again.keyId).toBe(keyIdOf(pair.publicKey));
    expect(again.keyId).toMatch(/^key_[0-9a-f]{32}$/);
  });

  it('refuses a public key of the wrong length', async () => {
    await expect(seal(new Uint8Array(31), { ...place, value })).rejects.toThrow(RangeError);
  });
});
