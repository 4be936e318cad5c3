import { parseArgs } from 'node:util';
import { loadConfig, readSecretFile } from '@wherry/config';
import { ensureOperator, mintLoginLink } from '@wherry/db';
import { tenantSlugProblem } from '@wherry/domain';
import { describeError } from '@wherry/logging';
import { z } from 'zod';
import { ConsoleUrl } from '../config';

/**
 * `node dist/login-link.mjs [--tenant <slug>]`, run where the api runs and with its environment: prints a link that signs
 * the operator in once, within an hour. The first time it makes the operator and the tenant. Whoever can run it can read
 * the api's database password anyway.
 */
const Config = z.object({ WHERRY_DATABASE_URL_FILE: z.string().min(1), WHERRY_CONSOLE_URL: ConsoleUrl });
const ttlMs = 3_600_000;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { tenant: { type: 'string', default: 'main' } } });
  const problem = tenantSlugProblem(values.tenant);
  if (problem !== null) throw new Error(problem);
  const config = loadConfig(Config, process.env);
  const url = readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE);
  const { userId } = await ensureOperator(url, { tenantSlug: values.tenant, tenantName: values.tenant });
  const link = await mintLoginLink(url, { userId, consoleUrl: config.WHERRY_CONSOLE_URL, ttlMs });
  process.stdout.write(`${link}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`There is no link: ${describeError(error)}\n`);
  process.exitCode = 1;
});
