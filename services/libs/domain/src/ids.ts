/** Prefixes of public ids: an id tells what it names wherever it is met. */
export const idPrefixes = {
  tenant: 'ten',
  user: 'usr',
  token: 'tok',
  repository: 'rep',
  push: 'psh',
  environment: 'env',
  function: 'fn',
  deployment: 'dep',
  revision: 'rev',
  release: 'rel',
  replica: 'rpl',
} as const;
export type IdKind = keyof typeof idPrefixes;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Makes a public id such as `dep_06f3k2…`: the prefix and 20 characters of Crockford's base 32 (100 random bits),
 * lower case, so that it is also a valid DNS label when `_` is left out.
 * @param randomBytes a cryptographic source; called once with 20.
 */
export function newId(kind: IdKind, randomBytes: (count: number) => Uint8Array): string {
  const text = Array.from(randomBytes(20), (byte) => alphabet[byte & 31]).join('');
  return `${idPrefixes[kind]}_${text}`;
}
