/**
 * What may cross tenants. A scope alone opens nothing: the policies in the migrations say which role may use it, on
 * which tables, and for which commands.
 */
export const scopes = [
  /** api, git: who is behind a token or a session. */
  'authentication',
  /** api: making a tenant with its first owner and environment. */
  'operator',
  /** gateway: the route table. */
  'routing',
  /** gateway: receipts of many tenants in one segment, and what they add up to. */
  'metering',
  /** controller: all that should run. */
  'reconcile',
  /** worker: unfinished work. */
  'sweep',
  /** git: comparing the bare repositories with the ledger. */
  'refs',
] as const;
export type Scope = (typeof scopes)[number];

/**
 * The store methods that do not take a tenant first, as `Class.method`, with the scope that each uses; null for those
 * that use tables without a tenant only. A test fails on a store method that is neither here nor has a case in which
 * one tenant tries it on another's rows.
 */
export const crossingMethods: Readonly<Record<string, Scope | null>> = {};
