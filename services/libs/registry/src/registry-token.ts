import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Access } from './access';
import { credentialUser } from './credential';

/** A registry asks again with a new token when a push or pull takes longer. */
export const registryTokenSeconds = 300;

export type RegistryTokenSigner = Readonly<{
  /** The issuer that the registry's configuration names. */
  issuer: string;
  /** A P-256 private key. */
  key: KeyObject;
  /** Base64 of the DER certificates, the signing one first; the registry's `rootcertbundle` holds the last one's root. */
  certificates: readonly string[];
}>;

/**
 * Signs what a registry accepts as a bearer token. The certificates travel in the header (`x5c`) rather than a key id,
 * because versions 2 and 3 of the Distribution registry derive key ids differently and read `x5c` alike.
 * @param order `nowSeconds` and `expiresAtSeconds` are Unix time; `id` is unique among tokens.
 */
export async function signRegistryToken(
  signer: RegistryTokenSigner,
  order: Readonly<{
    service: string;
    access: readonly Access[];
    nowSeconds: number;
    expiresAtSeconds: number;
    id: string;
  }>,
): Promise<string> {
  return await new SignJWT({ access: order.access })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c: [...signer.certificates] })
    .setIssuer(signer.issuer)
    .setSubject(credentialUser)
    .setAudience(order.service)
    .setJti(order.id)
    .setIssuedAt(order.nowSeconds)
    .setNotBefore(order.nowSeconds)
    .setExpirationTime(order.expiresAtSeconds)
    .sign(signer.key);
}
