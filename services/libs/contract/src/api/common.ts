import { z } from 'zod';

/** An instant, ISO 8601 in UTC. */
export const Instant = z.iso.datetime().meta({ description: 'ISO 8601, UTC' });
export const InstantOrNull = Instant.nullable();
export const Count = z.int().min(0);

/** A public id such as `dep_06f3k2…`. Deliberately loose: an id that cannot exist is not found, like any other. */
export const Id = z.string().min(1).max(64);
/** A tenant's slug in a path. As loose as ids, for the same reason. */
export const TenantParam = z.strictObject({ tenant: z.string().min(1).max(64) });
export const RepositoryParam = TenantParam.extend({ repository: z.string().min(1).max(80) });
export const FunctionParam = TenantParam.extend({ function: z.string().min(1).max(80) });
export const DeploymentParam = TenantParam.extend({ deployment: Id });

/** An environment by its name: `production`, or that of a preview that is open. */
export const EnvironmentName = z.string().min(1).max(300).default('production');
export const EnvironmentQuery = z.strictObject({ environment: EnvironmentName });

/** Query numbers arrive as text. */
export function limitOf(most: number, usual: number) {
  return z.coerce.number().int().min(1).max(most).default(usual);
}

/** A page is followed by another as long as `nextCursor` is not null; it is passed back as `cursor`, unread. */
export const Cursor = z.string().min(1).max(100);

/** Names of secrets, as files at /var/openfaas/secrets/<name>: DNS labels with inner dots (the OpenFaaS rule). */
export const SecretName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, 'lower-case letters, digits, inner hyphens and dots');

/** A branch without `refs/heads/`. Loose, because only one that was pushed can be chosen. */
export const BranchName = z.string().min(1).max(200);

/** Names of environment variables (POSIX, with lower case allowed). */
export const VariableName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and underscores, not starting with a digit');

export const Role = z.enum(['owner', 'developer', 'viewer', 'billing']);
export type Role = z.infer<typeof Role>;
