import { createHash } from 'node:crypto';
import type { GitIdentity } from '@wherry/db';

/** How a request is turned away: the status, and a sentence that git prints behind `remote:`. */
export type Denial = Readonly<{ status: 401 | 403 | 404; text: string }>;

export interface Identities {
  identify(tokenHash: Uint8Array): Promise<GitIdentity | null>;
}

/** The password of an HTTP basic header (RFC 7617), whatever the user name, or null. */
export function passwordOf(authorization: string | undefined): string | null {
  const [, encoded] = /^basic ([a-z0-9+/=]+)$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const password = colon < 0 ? '' : text.slice(colon + 1);
  return password === '' || password.length > 512 ? null : password;
}

/** Missing, not yet made, and owned by somebody else: all answered by these words. */
export const notFound: Denial = { status: 404, text: 'There is no such repository, or this token does not open it.' };

const unknown: Denial = {
  status: 401,
  text: 'The token is missing, wrong, expired or revoked. Make one in the dashboard and use it as the password.',
};

/**
 * Finds out who asks, and whether they may do so in this tenant.
 * @param wants `read` or `push`; pushing includes reading.
 */
export async function authenticate(
  identities: Identities,
  authorization: string | undefined,
  tenantSlug: string,
  wants: 'read' | 'push',
): Promise<GitIdentity | Denial> {
  const password = passwordOf(authorization);
  if (password === null) return unknown;
  const identity = await identities.identify(createHash('sha256').update(password).digest());
  if (identity === null || !identity.canRead) return unknown;
  if (identity.tenantSlug !== tenantSlug) return notFound;
  if (identity.isSuspended) return { status: 403, text: 'This tenant is suspended: ask the operator of the platform.' };
  if (wants === 'push' && !identity.canPush) {
    return { status: 403, text: 'This token may only read. Make one that may push in the dashboard.' };
  }
  return identity;
}

export function isDenial(result: object): result is Denial {
  return 'status' in result;
}
