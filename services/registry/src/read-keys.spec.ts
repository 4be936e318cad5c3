import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { readIssuerKeys, readSigningIdentity } from './read-keys';
import { makeIdentity } from './testing/make-certificates';

const [from, to] = [new Date('2030-01-01T00:00:00Z'), new Date('2030-02-01T00:00:00Z')];
const made = await makeIdentity(from, to);
const ed25519 = () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();

it('reads the signing key with its certificates in order, and when they end', () => {
  const identity = readSigningIdentity(made.keyPem, `${made.certificatePem}\n${made.rootPem}\n`);
  expect(identity.endsMs).toBe(to.getTime());
  const subjects = identity.certificates.map((der) => new X509Certificate(Buffer.from(der, 'base64')).subject);
  expect(subjects).toEqual(['CN=registry tokens', 'CN=registry root']);
});

it('refuses a signing key and certificate that no registry would accept, and repeats none of them', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  expect(() => readSigningIdentity('secret', made.certificatePem)).toThrow(
    /^The signing key is not a private key in PEM.$/,
  );
  expect(() => readSigningIdentity(rsa.toString(), made.certificatePem)).toThrow('P-256');
  expect(() => readSigningIdentity(made.keyPem, '')).toThrow('holds no certificate');
  expect(() => readSigningIdentity(made.keyPem, made.rootPem)).toThrow('not of the signing key');
});

it('reads all keys of an issuer while one is replaced', () => {
  expect(readIssuerKeys('worker', ed25519() + ed25519())).toHaveLength(2);
});

it('takes the public half of a private key, and nothing more', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const [read] = readIssuerKeys('worker', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  expect(read?.type).toBe('public');
  expect(read?.equals(publicKey)).toBe(true);
});

it('refuses a file of keys that has none, or one that is not Ed25519', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({
    type: 'spki',
    format: 'pem',
  });
  expect(() => readIssuerKeys('worker', '')).toThrow("The file of the worker's keys holds no key");
  expect(() => readIssuerKeys('worker', ed25519() + other.toString())).toThrow('not an Ed25519 key');
});
