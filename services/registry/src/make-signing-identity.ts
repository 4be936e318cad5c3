import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const year = 365 * 24 * 3_600_000;
/** The registry's machine is the same, but clocks are set back. */
const hour = 3_600_000;

/**
 * A key for registry tokens and a certificate of its own for it, good for a year, as PEM texts. Made anew at each start:
 * nobody else needs it, and a token of a former one only makes its client ask for another.
 * @param serialNumber hexadecimal.
 */
export async function makeSigningIdentity(
  nowMs: number,
  serialNumber: string,
): Promise<{ keyPem: string; certificatePem: string }> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber, name: 'CN=wherry registry tokens', keys, signingAlgorithm: algorithm },
    ...{ notBefore: new Date(nowMs - hour), notAfter: new Date(nowMs + year) },
    extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), certificatePem: certificate.toString('pem') };
}
