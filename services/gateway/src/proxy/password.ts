import { isPreviewPassword } from '@wherry/contract';

const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** Whether an Authorization header (RFC 7617; null: there was none) has the password, with whatever user name. */
export function hasPassword(authorization: string | null, passwordHash: string): boolean {
  const encoded = basic.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return false;
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon !== -1 && isPreviewPassword(pair.slice(colon + 1), passwordHash);
}
