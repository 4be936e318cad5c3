import type { SeededTenant } from '@wherry/testing';
import type { Database } from '../database';

export type CaseInput<S> = Readonly<{
  store: S;
  /** Who asks: first another tenant, which must get nothing, then `theirs` itself, which must get something. */
  tenantId: string;
  /** Whose rows are asked for. */
  theirs: SeededTenant;
}>;

/**
 * One call of one store method on the rows of `theirs`, as `tenantId`. The call is made twice; when the two outcomes
 * are the same, the case proves nothing and fails.
 */
export type CrossTenantCase<S> = (input: CaseInput<S>) => Promise<unknown>;

/** A case whose rows need more than `seedTenant` makes: SQL run as the owner, with `$1` for the id of `theirs`. */
export type PreparedCase<S> = Readonly<{ given: string; attempt: CrossTenantCase<S> }>;

type MethodOf<S> = { [K in keyof S]: S[K] extends (...args: never[]) => unknown ? K : never }[keyof S] & string;

/** The cases of one store. Methods that cross tenants are in `crossingMethods` (scopes.ts) instead. */
export type StoreCases = Readonly<{
  name: string;
  open(db: Database): unknown;
  cases: Readonly<Record<string, PreparedCase<never>>>;
}>;

/** Ties the cases to their store's class, so that a renamed method is found by the compiler. */
export function casesOf<S extends object>(
  store: { name: string; prototype: S },
  open: (db: Database) => S,
  cases: Partial<Record<MethodOf<S>, CrossTenantCase<S> | PreparedCase<S>>>,
): StoreCases {
  const entries = Object.entries<CrossTenantCase<S> | PreparedCase<S> | undefined>(cases);
  const full = entries.map(([method, one]) => [method, typeof one === 'function' ? { given: '', attempt: one } : one]);
  return { name: store.name, open, cases: Object.fromEntries(full) };
}
