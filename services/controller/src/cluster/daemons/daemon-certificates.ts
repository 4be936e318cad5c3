import { createPrivateKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import type { DaemonTls } from '@wherry/cluster';

export type BuildCa = Readonly<{ certificate: string; key: string }>;

const dayMs = 24 * 3_600_000;
const lifetimeMs = 30 * dayMs;
/** One with less left than this is renewed before its daemon is started, and later even under a running one. */
const [renewMs, forceMs] = [10 * dayMs, 2 * dayMs];
/** For clocks that are apart. */
const skewMs = 3_600_000;

/**
 * Server certificates of build daemons, signed by the build CA. A RUN step can read its daemon's key, so a certificate
 * is good for one name only, that of its own tenant's daemon, and for no client.
 */
export class DaemonCertificates {
  private readonly caKey: KeyObject;
  private readonly ca: X509Certificate;

  /** @throws Error when the two PEM texts are not a certificate and its key. */
  constructor(private readonly pem: BuildCa) {
    this.ca = new X509Certificate(pem.certificate);
    this.caKey = createPrivateKey(pem.key);
    if (!this.ca.checkPrivateKey(this.caKey)) {
      throw new Error('WHERRY_BUILD_CA_KEY_FILE is not the key of the certificate in WHERRY_BUILD_CA_FILE.');
    }
  }

  /** @param nowMs epoch milliseconds. */
  async issue(serverName: string, nowMs: number): Promise<DaemonTls> {
    // The library wants it there first. Both are loaded only here: on one machine nobody needs them.
    // As one expression: a bundler leaves out an import whose result nobody takes.
    const [, x509] = [await import('reflect-metadata'), await import('@peculiar/x509')];
    const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const ca = new x509.X509Certificate(this.pem.certificate);
    const { signingKey, signingAlgorithm } = await webKey(this.caKey);
    const certificate = await x509.X509CertificateGenerator.create(
      {
        subject: 'CN=buildkitd',
        issuer: ca.subjectName,
        notBefore: new Date(nowMs - skewMs),
        notAfter: new Date(Math.min(nowMs + lifetimeMs, ca.notAfter.getTime())),
        publicKey: keys.publicKey,
        ...{ signingKey, signingAlgorithm },
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], true),
          new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: serverName }]),
        ],
      },
      webcrypto as unknown as Crypto,
    );
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const lines = key.match(/.{1,64}/g)!.join('\n');
    return {
      ca: this.pem.certificate,
      cert: `${certificate.toString('pem')}\n`,
      key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    };
  }

  /** Whether what a daemon has may stay. `isRunning`: a change would end its builds. */
  isGood(tls: DaemonTls, serverName: string, nowMs: number, isRunning: boolean): boolean {
    try {
      const certificate = new X509Certificate(tls.cert);
      const leftMs = certificate.validToDate.getTime() - nowMs;
      return (
        tls.ca === this.pem.certificate &&
        leftMs >= (isRunning ? forceMs : renewMs) &&
        certificate.checkHost(serverName) !== undefined &&
        certificate.checkIssued(this.ca) &&
        certificate.verify(this.ca.publicKey) &&
        certificate.checkPrivateKey(createPrivateKey(tls.key))
      );
    } catch {
      return false;
    }
  }
}

/** The key as Web Crypto has it, with how it signs. */
async function webKey(key: KeyObject) {
  const algorithm = signingAlgorithmOf(key);
  const bytes = key.export({ format: 'der', type: 'pkcs8' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign']);
  return { signingKey, signingAlgorithm: algorithm };
}

function signingAlgorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) {
  const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
  const namedCurve = curves[details?.namedCurve ?? ''];
  if (type === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  if (type === 'ec' && namedCurve) return { name: 'ECDSA', namedCurve, hash: 'SHA-256' };
  if (type === 'ed25519') return { name: 'Ed25519' };
  throw new Error('The key of the build CA is of a kind that is not known. Make an RSA, ECDSA or Ed25519 one.');
}
