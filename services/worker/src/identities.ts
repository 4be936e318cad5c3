import type { IdKind } from '@wherry/domain';

/** Where new ids and tokens come from. */
export interface Identities {
  id(kind: IdKind): string;
  /** A token: `value` for its holder, `hash` (SHA-256 of it) for the database. */
  token(): { id: string; value: string; hash: Uint8Array<ArrayBuffer> };
}
