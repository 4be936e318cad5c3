import { z } from 'zod';
import { Count, EnvironmentQuery, Id, Instant, InstantOrNull, SecretName, TenantParam, VariableName } from './common';
import { operation } from './operation';

/** What is known of a secret. Its value is never told to anybody but the functions that name it. */
export const Secret = z
  .strictObject({ name: z.string(), version: Count, createdAt: Instant, updatedAt: Instant })
  .meta({ id: 'Secret' });

export const VariableKind = z.enum(['build', 'runtime']);
export const Variable = z
  .strictObject({ kind: VariableKind, name: z.string(), value: z.string(), updatedAt: Instant })
  .meta({ id: 'Variable' });

export const TokenScope = z.enum(['read', 'deploy', 'git:read', 'git:push']);
export const Token = z
  .strictObject({
    id: Id,
    name: z.string(),
    scopes: z.array(z.string()),
    repository: z.string().nullable().meta({ description: 'The only repository it opens, or null for all.' }),
    createdBy: z.string().nullable(),
    createdAt: Instant,
    expiresAt: InstantOrNull,
    lastUsedAt: InstantOrNull,
    revokedAt: InstantOrNull,
  })
  .meta({ id: 'Token' });

// Names in paths are checked by what is stored, so that a name that cannot exist is not found.
const SecretParam = TenantParam.extend({ secret: SecretName });
const VariableParam = TenantParam.extend({ kind: VariableKind, variable: VariableName });
const TokenParam = TenantParam.extend({ token: Id });

export const secretOperations = {
  listSecrets: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/secrets',
    tag: 'settings',
    summary: 'The secrets of an environment, by name, without their values.',
    auth: 'tenant:viewer',
    params: TenantParam,
    query: EnvironmentQuery,
    response: { kind: 'json', status: 200, schema: z.strictObject({ secrets: z.array(Secret) }) },
    errors: ['environment.not_found'],
  }),
  putSecret: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/secrets/{secret}',
    tag: 'settings',
    summary: 'Set a secret. Functions that name it are restarted with the new value.',
    auth: 'tenant:owner',
    params: SecretParam,
    query: EnvironmentQuery,
    body: z.strictObject({ value: z.string().min(1).max(65_536) }),
    response: { kind: 'json', status: 200, schema: Secret },
    errors: ['environment.not_found', 'platform.unavailable', 'secret.sandbox_required'],
  }),
  deleteSecret: operation({
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/secrets/{secret}',
    tag: 'settings',
    summary: 'Remove a secret.',
    auth: 'tenant:owner',
    params: SecretParam,
    query: EnvironmentQuery,
    response: { kind: 'empty' },
    errors: ['environment.not_found', 'secret.not_found'],
  }),
};

export const variableOperations = {
  listVariables: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/variables',
    tag: 'settings',
    summary: 'The variables that builds (`build`) and functions (`runtime`) see; used by the next deployment.',
    auth: 'tenant:viewer',
    params: TenantParam,
    query: EnvironmentQuery,
    response: { kind: 'json', status: 200, schema: z.strictObject({ variables: z.array(Variable) }) },
    errors: ['environment.not_found'],
  }),
  putVariable: operation({
    method: 'PUT',
    path: '/v1/tenants/{tenant}/variables/{kind}/{variable}',
    tag: 'settings',
    summary: 'Set a variable.',
    auth: 'tenant:developer',
    params: VariableParam,
    query: EnvironmentQuery,
    body: z.strictObject({
      value: z
        .string()
        .max(16_384)
        .regex(/^[^\0]*$/, 'text without null characters'),
    }),
    response: { kind: 'json', status: 200, schema: Variable },
    errors: ['environment.not_found'],
  }),
  deleteVariable: operation({
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/variables/{kind}/{variable}',
    tag: 'settings',
    summary: 'Remove a variable.',
    auth: 'tenant:developer',
    params: VariableParam,
    query: EnvironmentQuery,
    response: { kind: 'empty' },
    errors: ['environment.not_found', 'variable.not_found'],
  }),
};

export const tokenOperations = {
  listTokens: operation({
    method: 'GET',
    path: '/v1/tenants/{tenant}/tokens',
    tag: 'settings',
    summary: 'The tokens that are in use or were revoked, newest first, without their values.',
    auth: 'tenant:owner',
    tokens: 'refused',
    params: TenantParam,
    response: { kind: 'json', status: 200, schema: z.strictObject({ tokens: z.array(Token) }) },
    errors: [],
  }),
  createToken: operation({
    method: 'POST',
    path: '/v1/tenants/{tenant}/tokens',
    tag: 'settings',
    summary: 'Make a token. Its value is in this reply and nowhere else.',
    auth: 'tenant:owner',
    tokens: 'refused',
    params: TenantParam,
    body: z.strictObject({
      name: z.string().trim().min(1).max(100),
      scopes: z
        .array(TokenScope)
        .min(1)
        .max(4)
        .refine((scopes) => new Set(scopes).size === scopes.length, 'each scope once'),
      repository: z.string().min(1).max(80).optional().meta({ description: 'A repository by name; git scopes only.' }),
      expiresInDays: z.int().min(1).max(366).nullable().meta({ description: 'null: until it is revoked.' }),
    }),
    response: { kind: 'json', status: 201, schema: z.strictObject({ token: Token, value: z.string() }) },
    errors: ['repository.not_found'],
  }),
  revokeToken: operation({
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/tokens/{token}',
    tag: 'settings',
    summary: 'Revoke a token at once. Revoking twice is the same as once.',
    auth: 'tenant:owner',
    tokens: 'refused',
    params: TokenParam,
    response: { kind: 'empty' },
    errors: ['token.not_found'],
  }),
};
