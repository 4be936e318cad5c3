import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * What is stored of a preview's password (`environments.password_hash`): `sha256.<salt>.<hash>`, base64url. The api
 * makes the passwords, of 100 random bits each, so a fast hash is safe and every request can afford it.
 */
export function hashPreviewPassword(password: string, salt: Uint8Array): string {
  return `sha256.${Buffer.from(salt).toString('base64url')}.${digest(password, salt).toString('base64url')}`;
}

/** Whether a password is the one that was stored, in constant time. False for whatever is stored in another form. */
export function isPreviewPassword(given: string, stored: string): boolean {
  const [kind, salt = '', hash = ''] = stored.split('.');
  const expected = Buffer.from(hash, 'base64url');
  if (kind !== 'sha256' || salt === '' || expected.length !== 32) return false;
  return timingSafeEqual(digest(given, Buffer.from(salt, 'base64url')), expected);
}

function digest(password: string, salt: Uint8Array): Buffer {
  return createHash('sha256').update(salt).update(password, 'utf8').digest();
}
