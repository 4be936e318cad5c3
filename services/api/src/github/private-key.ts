import { createPrivateKey, type KeyObject } from 'node:crypto';
import { DomainError } from '@wherry/problem';

/**
 * The private key of an App as PEM: GitHub gives PKCS #1, its client library also takes PKCS #8.
 * @returns the key once more as PKCS #8, without whatever stood around it.
 * @throws DomainError `github.private_key_invalid`, never with the text.
 */
export function normalizePrivateKey(pem: string): string {
  const key = parse(pem);
  // RS256 needs RSA, and RFC 7518, section 3.3 at least 2048 bits.
  if (key?.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
    throw new DomainError(
      'github.private_key_invalid',
      'This is no private key of a GitHub App: paste the whole .pem file that GitHub gave you, without a password.',
    );
  }
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function parse(pem: string): KeyObject | null {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    return null;
  }
}
