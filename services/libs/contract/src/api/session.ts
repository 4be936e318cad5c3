import { tenantSlugProblem } from '@wherry/domain';
import { z } from 'zod';
import { Id, Instant, Role } from './common';
import { operation } from './operation';

/** A tenant as its members see it. */
export const Tenant = z
  .strictObject({ id: Id, slug: z.string(), name: z.string(), role: Role, createdAt: Instant })
  .meta({ id: 'Tenant' });

/** What the console knows about the platform it belongs to. */
export const Platform = z
  .strictObject({
    consoleUrl: z.string().meta({ description: 'Without a trailing slash.' }),
    gatewayUrl: z.string(),
    appsDomain: z.string().meta({ description: 'Without a port: functions are at <tenant>.<appsDomain>.' }),
    gitUrl: z.string().meta({ description: 'Repositories are <gitUrl>/<tenant>/<name>.git; without credentials.' }),
    sandbox: z.enum(['bubblewrap', 'none']),
    engine: z.enum(['local', 'kubernetes']).meta({ description: 'What runs functions: one machine, or a cluster.' }),
    notices: z
      .array(z.string().max(2_000))
      .max(20)
      .meta({ description: 'What operators must see to; empty for others.' }),
  })
  .meta({ id: 'Platform' });

export const Session = z
  .strictObject({
    user: z.strictObject({ id: Id, name: z.string(), isOperator: z.boolean() }),
    tenants: z.array(Tenant),
    platform: Platform,
    expiresAt: Instant,
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;

/** With `returnTo`, a path of the console, the login ends there. */
export const LoginMethods = z
  .strictObject({
    github: z
      .strictObject({
        loginUrl: z.string().meta({ description: 'Send the browser there; a path. Takes `?returnTo=<path>`.' }),
        name: z.string().meta({ description: 'The host that people sign in at, such as github.com.' }),
      })
      .nullable()
      .meta({ description: 'null until a GitHub App is registered.' }),
  })
  .meta({ id: 'LoginMethods' });

/**
 * Why a login with GitHub ended on the login page, as `?error=`. denied: the person said no. expired: it took longer
 * than ten minutes, was begun in another browser, or its code was used before. unavailable: GitHub did not answer as it
 * should. not_configured: no GitHub App is registered.
 */
export const LoginError = z.enum(['denied', 'expired', 'unavailable', 'not_configured']);
export type LoginError = z.infer<typeof LoginError>;

export const TenantSlug = z.string().superRefine((slug, context) => {
  const problem = tenantSlugProblem(slug);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

export const sessionOperations = {
  createSessionFromLink: operation({
    method: 'POST',
    path: '/v1/session',
    tag: 'session',
    summary: 'Sign in with a one-time link; the reply sets the session cookie.',
    auth: 'public',
    body: z.strictObject({
      link: z.string().min(1).max(200).meta({ description: 'What follows # in the login link.' }),
    }),
    response: { kind: 'json', status: 201, schema: Session },
    errors: ['login.link_invalid'],
  }),
  getSession: operation({
    method: 'GET',
    path: '/v1/session',
    tag: 'session',
    summary: 'Who is signed in, with which tenants, on which platform.',
    auth: 'session',
    response: { kind: 'json', status: 200, schema: Session },
    errors: [],
  }),
  endSession: operation({
    method: 'DELETE',
    path: '/v1/session',
    tag: 'session',
    summary: 'Sign out; streams of this session end.',
    auth: 'session',
    response: { kind: 'empty' },
    errors: [],
  }),
  endSessions: operation({
    method: 'DELETE',
    path: '/v1/sessions',
    tag: 'session',
    summary: 'Sign out everywhere: all sessions of oneself end, this one too.',
    auth: 'session',
    response: { kind: 'empty' },
    errors: [],
  }),
  getLoginMethods: operation({
    method: 'GET',
    path: '/v1/login',
    tag: 'session',
    summary: 'How one can sign in, for the login page. A one-time link always works.',
    auth: 'public',
    response: { kind: 'json', status: 200, schema: LoginMethods },
    errors: [],
  }),
  createLoginLink: operation({
    method: 'POST',
    path: '/v1/login-links',
    tag: 'session',
    summary: 'Make a one-time login link for oneself or for another user.',
    auth: 'operator',
    body: z.strictObject({ userId: Id.optional().meta({ description: 'Whom it signs in; the caller when missing.' }) }),
    response: { kind: 'json', status: 201, schema: z.strictObject({ url: z.string(), expiresAt: Instant }) },
    errors: ['user.not_found'],
  }),
  listTenants: operation({
    method: 'GET',
    path: '/v1/tenants',
    tag: 'tenants',
    summary: 'The tenants of which one is a member.',
    auth: 'session',
    response: { kind: 'json', status: 200, schema: z.strictObject({ tenants: z.array(Tenant) }) },
    errors: [],
  }),
  createTenant: operation({
    method: 'POST',
    path: '/v1/tenants',
    tag: 'tenants',
    summary: 'Make a tenant with its production environment and its first owner.',
    auth: 'operator',
    body: z.strictObject({
      slug: TenantSlug,
      name: z.string().trim().min(1).max(100),
      ownerName: z.string().trim().min(1).max(100).optional().meta({
        description: 'Makes a new user who owns it; when missing, the caller does. Sign them in with a login link.',
      }),
    }),
    response: { kind: 'json', status: 201, schema: z.strictObject({ tenant: Tenant, ownerId: Id }) },
    errors: ['tenant.slug_taken', 'tenant.sandbox_required'],
  }),
};
