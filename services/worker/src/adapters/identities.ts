import { createHash, randomBytes } from 'node:crypto';
import { type IdKind, newId } from '@wherry/domain';
import type { Identities } from '../identities';

/** Ids and tokens from the system's cryptographic source. */
export class RandomIdentities implements Identities {
  id(kind: IdKind): string {
    return newId(kind, randomBytes);
  }

  token(): { id: string; value: string; hash: Uint8Array<ArrayBuffer> } {
    const value = `wherry_${randomBytes(32).toString('base64url')}`;
    const hash = new Uint8Array(createHash('sha256').update(value).digest());
    return { id: this.id('token'), value, hash };
  }
}
