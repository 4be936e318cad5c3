import type { ProblemCode } from '@wherry/problem';
import type { z } from 'zod';

/**
 * Who may call an operation. `public`: anybody. `session`: whoever is signed in with the console's cookie.
 * `operator`: a signed-in operator of the platform. `tenant:<role>`: a member of the tenant in the path with at least
 * that role (`billing` < `viewer` < `developer` < `owner`), or one of the tenant's tokens.
 */
export type OperationAuth =
  'public' | 'session' | 'operator' | 'tenant:billing' | 'tenant:viewer' | 'tenant:developer' | 'tenant:owner';

/** `events` is a stream of server-sent events: event name → shape of its JSON data. `file` is one of `types`, to keep. */
export type OperationResponse =
  | Readonly<{ kind: 'json'; status: 200 | 201 | 202; schema: z.ZodType }>
  | Readonly<{ kind: 'empty' }>
  | Readonly<{ kind: 'file'; types: readonly string[] }>
  | Readonly<{ kind: 'events'; events: Readonly<Record<string, z.ZodType>> }>;

/**
 * One thing the console's API can do. Parameters, query and body are strict: what is not named is refused.
 * `errors` lists what is particular to it; the answers that every operation of its kind can give are implied.
 */
export type Operation = Readonly<{
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{name}` for each path parameter. */
  path: `/v1/${string}`;
  tag: string;
  summary: string;
  auth: OperationAuth;
  /** API tokens (scope `read` for GET, `deploy` for the rest) may call tenant operations unless this says `refused`. */
  tokens?: 'refused';
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodObject;
  response: OperationResponse;
  errors: readonly ProblemCode[];
}>;

/** Keeps the literal types of an operation while checking its shape. */
export function operation<const T extends Operation>(definition: T): T {
  return definition;
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : Record<string, never>;

/** What a handler of the operation is given. */
export type OperationInput<T extends Operation> = Readonly<{
  params: Parsed<T['params']>;
  query: Parsed<T['query']>;
  body: Parsed<T['body']>;
}>;

/** What a handler of the operation answers; nothing for `empty`, `file` and `events`. */
export type OperationOutput<T extends Operation> = T['response'] extends { kind: 'json'; schema: infer S }
  ? Parsed<S>
  : void;
