import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** A private key stands for its public half. */
const keyBlock = /-----BEGIN (PUBLIC|PRIVATE) KEY-----[\s\S]+?-----END \1 KEY-----/g;

export type SigningIdentity = Readonly<{
  key: KeyObject;
  /** Base64 of DER, the signing certificate first. */
  certificates: readonly string[];
  /** When the first of them ends, Unix milliseconds. */
  endsMs: number;
}>;

/**
 * The key and certificates that sign registry tokens, from PEM text.
 * @throws Error with what to put right, without any key in it.
 */
export function readSigningIdentity(keyPem: string, certificatesPem: string): SigningIdentity {
  const key = parsed('The signing key is not a private key in PEM.', () => createPrivateKey(keyPem));
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error(
      'The signing key is not of the curve P-256; make one with: openssl ecparam -genkey -name prime256v1',
    );
  }
  const certificates = parsed('The signing certificate is not a certificate in PEM.', () =>
    (certificatesPem.match(certificateBlock) ?? []).map((pem) => new X509Certificate(pem)),
  );
  const first = certificates[0];
  if (first === undefined) throw new Error('The file of the signing certificate holds no certificate in PEM.');
  if (!first.checkPrivateKey(key)) throw new Error('The first certificate is not of the signing key.');
  const endsMs = Math.min(...certificates.map((certificate) => certificate.validToDate.getTime()));
  return { key, certificates: certificates.map((certificate) => certificate.raw.toString('base64')), endsMs };
}

/**
 * The Ed25519 public keys of an issuer, from PEM text; several while one is being replaced. Of a private key only the
 * public half is kept: installers such as Helm's templates can make the one and not derive the other.
 * @param issuer Named in the error.
 * @throws Error with what to put right.
 */
export function readIssuerKeys(issuer: string, pem: string): KeyObject[] {
  const blocks: string[] = pem.match(keyBlock) ?? [];
  if (blocks.length === 0) throw new Error(`The file of the ${issuer}'s keys holds no key in PEM.`);
  return blocks.map((block) => {
    const key = parsed(`A key of the ${issuer} is not a key in PEM.`, () => createPublicKey(block));
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`A key of the ${issuer} is not an Ed25519 key.`);
    return key;
  });
}

function parsed<T>(sentence: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(sentence, { cause });
  }
}
