import type { KeyObject } from 'node:crypto';
import { decodeJwt, errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { type Grant, isRepositoryName, registryActions, type RegistryAction } from './access';

/** The user whose password a credential is, at every client. */
export const credentialUser = 'wherry';

export type CredentialIssuer = 'worker' | 'controller';

/** The most that an issuer may put into a credential, whatever it signs. */
type IssuerRules = Readonly<{
  actions: readonly RegistryAction[];
  everywhere: boolean;
  segments: number;
  seconds: number;
}>;

const hour = 3_600;
/** A worker's paths name a tenant and a trust level at least; a controller's name a tenant. */
export const issuerRules: Readonly<Record<CredentialIssuer, IssuerRules>> = {
  worker: { actions: ['pull', 'push'], everywhere: false, segments: 2, seconds: 2 * hour },
  controller: { actions: ['pull', 'delete'], everywhere: true, segments: 1, seconds: 7 * 24 * hour },
};

/** The public keys of each issuer. Several while a key is being replaced. */
export type IssuerKeys = Readonly<Record<CredentialIssuer, readonly KeyObject[]>>;

export type CredentialOrder = Readonly<{
  issuer: CredentialIssuer;
  /** The service name of the registry it is for, such as `wherry-registry`. */
  service: string;
  grants: readonly Grant[];
  lifetimeSeconds: number;
}>;

export type Credential = Readonly<{ issuer: CredentialIssuer; grants: readonly Grant[]; expiresAtSeconds: number }>;

/** A credential that is not accepted; the message is a sentence that may be shown, without any part of the credential. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

/** Set apart from whatever else the same keys may sign. */
const type = 'wherry-registry-credential+jwt';
const algorithm = 'EdDSA';
/** How far the clocks of two machines may be apart. */
const skewSeconds = 30;

const actions = z.array(z.enum(registryActions)).min(1).max(registryActions.length);
const grant = z.union([
  z.strictObject({ below: z.string().refine(isRepositoryName), actions }),
  z.strictObject({ everywhere: z.literal(true), actions }),
]);
const Claims = z.object({
  iss: z.enum(['worker', 'controller']),
  iat: z.number().int(),
  exp: z.number().int(),
  grants: z.array(grant).min(1).max(20),
});

/**
 * Signs a credential with the issuer's Ed25519 private key.
 * @param nowSeconds Unix time.
 * @throws CredentialError when it names more than its issuer may give, which no token service would accept either.
 */
export async function issueCredential(order: CredentialOrder, key: KeyObject, nowSeconds: number): Promise<string> {
  const iat = Math.floor(nowSeconds);
  const claims = { iss: order.issuer, iat, exp: iat + Math.floor(order.lifetimeSeconds), grants: order.grants };
  if (!Claims.safeParse(claims).success)
    throw new CredentialError('The credential names no path or action that can be.');
  refuseBeyondRules(claims);
  const jwt = new SignJWT({ ...claims, sub: credentialUser, aud: order.service });
  return await jwt.setProtectedHeader({ alg: algorithm, typ: type }).sign(key);
}

/**
 * Checks issuer, signature, audience, end and the issuer's rules, and gives what the credential names.
 * @param nowSeconds Unix time.
 * @throws CredentialError telling which of them is wrong.
 */
export async function verifyCredential(
  credential: string,
  expected: Readonly<{ keys: IssuerKeys; service: string; nowSeconds: number }>,
): Promise<Credential> {
  const issuer = claimedIssuer(credential);
  const payload = await verifySignature(credential, expected.keys[issuer], { ...expected, issuer });
  const parsed = Claims.safeParse(payload);
  if (!parsed.success) throw new CredentialError('The credential names no path or action that can be.');
  const claims = parsed.data;
  if (claims.iat > expected.nowSeconds + skewSeconds) throw new CredentialError('The credential is not valid yet.');
  refuseBeyondRules(claims);
  return { issuer, grants: claims.grants, expiresAtSeconds: claims.exp };
}

/** Read without trust, to choose the keys with which everything is then checked. */
function claimedIssuer(credential: string): CredentialIssuer {
  try {
    return Claims.shape.iss.parse(decodeJwt(credential).iss);
  } catch (cause) {
    throw new CredentialError('The credential is not of an issuer that this registry knows.', { cause });
  }
}

async function verifySignature(
  credential: string,
  keys: readonly KeyObject[],
  { issuer, service, nowSeconds }: Readonly<{ issuer: string; service: string; nowSeconds: number }>,
): Promise<unknown> {
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(credential, key, {
        ...{ algorithms: [algorithm], typ: type, issuer, audience: service, subject: credentialUser },
        ...{ requiredClaims: ['iat', 'exp'], currentDate: new Date(nowSeconds * 1_000) },
      });
      return payload;
    } catch (cause) {
      if (cause instanceof errors.JWSSignatureVerificationFailed) continue;
      if (cause instanceof errors.JWTExpired) throw new CredentialError('The credential has ended.', { cause });
      throw new CredentialError('The credential is not one for this registry.', { cause });
    }
  }
  throw new CredentialError('The signature of the credential is not its issuer’s.');
}

type LimitedClaims = Readonly<{ iss: CredentialIssuer; iat: number; exp: number; grants: readonly Grant[] }>;

/** A stolen or mistaken issuer's key gives no more than that issuer ever needs. */
function refuseBeyondRules({ iss, iat, exp, grants }: LimitedClaims): void {
  const rules = issuerRules[iss];
  if (exp <= iat || exp - iat > rules.seconds) {
    throw new CredentialError(`A credential of the ${iss} lasts between 1 and ${rules.seconds} seconds.`);
  }
  for (const grant of grants) {
    if (grant.actions.some((action) => !rules.actions.includes(action))) {
      throw new CredentialError(`A credential of the ${iss} gives only ${rules.actions.join(' and ')}.`);
    }
    if ('everywhere' in grant) {
      if (!rules.everywhere) throw new CredentialError(`A credential of the ${iss} names paths.`);
    } else if (grant.below.split('/').length < rules.segments) {
      throw new CredentialError(`A path in a credential of the ${iss} has at least ${rules.segments} segments.`);
    }
  }
}
