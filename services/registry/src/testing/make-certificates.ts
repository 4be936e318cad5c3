import 'reflect-metadata';
import { type webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
type KeyPair = webcrypto.CryptoKeyPair;

export type MadeIdentity = Readonly<{ keyPem: string; certificatePem: string; rootPem: string }>;

/** A root, and a signing certificate of it that is good between the two times. */
export async function makeIdentity(notBefore: Date, notAfter: Date): Promise<MadeIdentity> {
  const [rootKeys, keys] = [await newKeys(), await newKeys()];
  const valid = { notBefore, notAfter };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ ...valid, serialNumber: '01', name: 'CN=registry root', keys: rootKeys, signingAlgorithm: algorithm },
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...{ ...valid, serialNumber: '02', subject: 'CN=registry tokens', issuer: root.subject },
    ...{ publicKey: keys.publicKey, signingKey: rootKeys.privateKey, signingAlgorithm: algorithm },
    extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    certificatePem: certificate.toString('pem'),
    rootPem: root.toString('pem'),
  };
}

async function newKeys(): Promise<KeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}
