import { createHash } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import { z } from 'zod';

/** The name of a public key: `key_` and the first 32 hex digits of its SHA-256. */
export function keyIdOf(publicKey: Uint8Array): string {
  return `key_${createHash('sha256').update(publicKey).digest('hex').slice(0, 32)}`;
}

/** An X25519 key pair; both halves have 32 bytes. The private half exists in the controller only. */
export type KeyPair = Readonly<{ keyId: string; publicKey: Uint8Array; privateKey: Uint8Array }>;

/** What is stored: the columns `key_id` and `sealed` of the table `secrets`. */
export type Sealed = Readonly<{ keyId: string; sealed: Uint8Array }>;

/** The place a secret belongs to. `version` counts up from 1 with every change of the value. */
export type SecretPlace = Readonly<{ tenantId: string; environmentId: string; name: string; version: number }>;

/** A sealed value that does not open. `message` is for operators and holds ids only, never content. */
export class SealingError extends Error {
  constructor(
    readonly code: 'key_unknown' | 'not_authentic' | 'wrong_place',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'SealingError';
  }
}

/** The sealed text names the place beside the value (base64), so that a swapped ciphertext is found out. */
const Plaintext = z.strictObject({
  tenantId: z.string(),
  environmentId: z.string(),
  name: z.string(),
  version: z.int(),
  value: z.base64(),
});

/** Makes a new key pair from libsodium's own randomness. */
export async function newKeyPair(): Promise<KeyPair> {
  await sodium.ready;
  const { publicKey, privateKey } = sodium.crypto_box_keypair();
  return { keyId: keyIdOf(publicKey), publicKey, privateKey };
}

/** The pair of a private half. @throws RangeError when it does not have 32 bytes. */
export async function keyPairOf(privateKey: Uint8Array): Promise<KeyPair> {
  await sodium.ready;
  if (privateKey.length !== sodium.crypto_box_SECRETKEYBYTES) {
    throw new RangeError(`A sealing key has ${sodium.crypto_box_SECRETKEYBYTES} bytes, not ${privateKey.length}.`);
  }
  const publicKey = sodium.crypto_scalarmult_base(privateKey);
  return { keyId: keyIdOf(publicKey), publicKey, privateKey };
}

/**
 * Seals a value so that only the holder of the private half can read it (libsodium sealed box). Each call gives other
 * bytes, so equal values cannot be told from their ciphertexts.
 * @param publicKey 32 bytes, from the newest row of `sealing_keys` that is not retired.
 * @throws RangeError when the key does not have 32 bytes.
 */
export async function seal(publicKey: Uint8Array, secret: SecretPlace & { value: Uint8Array }): Promise<Sealed> {
  await sodium.ready;
  if (publicKey.length !== sodium.crypto_box_PUBLICKEYBYTES) {
    throw new RangeError(`A sealing key has ${sodium.crypto_box_PUBLICKEYBYTES} bytes, not ${publicKey.length}.`);
  }
  const { tenantId, environmentId, name, version } = secret;
  const value = Buffer.from(secret.value).toString('base64');
  const plaintext = Buffer.from(JSON.stringify({ tenantId, environmentId, name, version, value }));
  const sealed = sodium.crypto_box_seal(plaintext, publicKey);
  plaintext.fill(0);
  return { keyId: keyIdOf(publicKey), sealed };
}

/**
 * Opens a sealed value and checks that it was sealed for `expected`.
 * @param keys every key pair that is held; the one that `sealed` names is used, which is what makes rotation possible.
 * @throws SealingError `key_unknown` when that key is not held, `not_authentic` when the bytes were changed,
 * `wrong_place` when they were sealed for another tenant, environment, name or version.
 */
export async function open(keys: readonly KeyPair[], sealed: Sealed, expected: SecretPlace): Promise<Uint8Array> {
  await sodium.ready;
  const pair = keys.find(({ keyId }) => keyId === sealed.keyId);
  const label = `The secret ${expected.name} of ${expected.tenantId}`;
  if (!pair) throw new SealingError('key_unknown', `${label} is sealed to ${sealed.keyId}, which is not held here.`);
  const text = plaintextOf(pair, sealed, label);
  const isExpected =
    text.tenantId === expected.tenantId &&
    text.environmentId === expected.environmentId &&
    text.name === expected.name &&
    text.version === expected.version;
  if (!isExpected) throw new SealingError('wrong_place', `${label} was sealed for another place or version.`);
  return Uint8Array.from(Buffer.from(text.value, 'base64'));
}

function plaintextOf(pair: KeyPair, { sealed }: Sealed, label: string): z.infer<typeof Plaintext> {
  try {
    const bytes = sodium.crypto_box_seal_open(sealed, pair.publicKey, pair.privateKey);
    return Plaintext.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    // The cause is left out: a parser's message may quote what it read.
    throw new SealingError('not_authentic', `${label} does not open: its stored bytes are damaged or not ours.`);
  }
}
