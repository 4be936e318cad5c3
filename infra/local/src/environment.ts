import { loadConfig } from '@wherry/config';
import { z } from 'zod';

/** Builds are told the registries' addresses, so a password in one would reach strangers' code. */
const registry = z.url({ protocol: /^https?$/, abort: true }).refine((text) => {
  const { username, password } = new URL(text);
  return username === '' && password === '';
});

const Environment = z
  .object({
    DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
    WHERRY_NPM_REGISTRY: registry.default('https://registry.npmjs.org/'),
    WHERRY_PYPI_INDEX: registry.default('https://pypi.org/simple/'),
    // A GitHub Enterprise Server: https://<host> and https://<host>/api/v3.
    WHERRY_GITHUB_URL: z.url({ protocol: /^https?$/ }).default('https://github.com'),
    WHERRY_GITHUB_API_URL: z.url({ protocol: /^https?$/ }).default('https://api.github.com'),
    WHERRY_IDLE_SECONDS: z.coerce.number().int().min(1).max(86_400).optional(),
    // Below the half hour that a build's read token lives.
    WHERRY_BUILD_TIMEOUT_SECONDS: z.coerce.number().int().min(1).max(1700).optional(),
  })
  .transform((env) => ({
    databaseUrl: env.DATABASE_URL ?? null,
    registries: { npm: env.WHERRY_NPM_REGISTRY, pypi: env.WHERRY_PYPI_INDEX },
    github: { url: env.WHERRY_GITHUB_URL, apiUrl: env.WHERRY_GITHUB_API_URL },
    idleSeconds: env.WHERRY_IDLE_SECONDS ?? null,
    buildTimeoutSeconds: env.WHERRY_BUILD_TIMEOUT_SECONDS ?? null,
  }));
export type Environment = Readonly<z.infer<typeof Environment>>;

/**
 * What the operator chose by environment variables; an empty one counts as not set.
 * @throws Error naming every bad variable, never its value.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  return loadConfig(Environment, Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
}
