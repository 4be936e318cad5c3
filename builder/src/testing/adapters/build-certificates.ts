import 'reflect-metadata';
import { type webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
type KeyPair = webcrypto.CryptoKeyPair;
type Pair = Readonly<{ ca: string; cert: string; key: string }>;

/** A build CA with a certificate of a daemon, good for serving only, and one of its clients. */
export async function makeBuildCertificates(serverName: string): Promise<Readonly<{ server: Pair; client: Pair }>> {
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ ...valid(), serialNumber: '01', name: 'CN=build CA', keys, signingAlgorithm: algorithm },
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const sign = async (serialNumber: string, usage: x509.ExtendedKeyUsage, name: string): Promise<Pair> => {
    const own = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      ...{ ...valid(), serialNumber, subject: `CN=${name.slice(0, 60)}`, issuer: ca.subject },
      ...{ publicKey: own.publicKey, signingKey: keys.privateKey, signingAlgorithm: algorithm },
      extensions: [
        new x509.ExtendedKeyUsageExtension([usage], true),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      ],
    });
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', own.privateKey);
    return {
      ca: ca.toString('pem'),
      cert: certificate.toString('pem'),
      key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    };
  };
  return {
    server: await sign('02', x509.ExtendedKeyUsage.serverAuth, serverName),
    client: await sign('03', x509.ExtendedKeyUsage.clientAuth, 'worker'),
  };
}

function valid(): { notBefore: Date; notAfter: Date } {
  const hour = 3_600_000;
  return { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) };
}

async function newKeys(): Promise<KeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}
