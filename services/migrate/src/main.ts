import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig, readSecretFile } from '@wherry/config';
import { processRoles, type ProcessRole } from '@wherry/db';
import { describeError, JsonLog } from '@wherry/logging';
import { setupDatabase } from '@wherry/queue';
import { z } from 'zod';
import { explainFailure } from './explain-failure';
import { waitForDatabase } from './wait-for-database';

const Config = z.object({
  WHERRY_DATABASE_URL_FILE: z.string().min(1),
  WHERRY_ROLE_PASSWORDS_DIR: z.string().min(1),
  WHERRY_MIGRATIONS_DIR: z
    .string()
    .min(1)
    .default(path.resolve(import.meta.dirname, '../migrations')),
  WHERRY_DATABASE_WAIT_SECONDS: z.coerce.number().int().min(1).max(3_600).default(60),
});

const log = new JsonLog('migrate', (line) => process.stdout.write(line));

async function main(): Promise<void> {
  const config = loadConfig(Config, process.env);
  const url = ownerUrl(readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE));
  const passwords = readPasswords(config.WHERRY_ROLE_PASSWORDS_DIR);
  const startedAt = performance.now();
  await waitForDatabase(url.href, {
    waitMs: config.WHERRY_DATABASE_WAIT_SECONDS * 1_000,
    elapsedMs: () => performance.now(),
    pause: (ms) => pause(ms),
    onWait: (code, error) =>
      log.write({ op: 'database.wait', ok: false, errorCode: code, message: describeError(error) }),
  });
  const target = { user: decodeURIComponent(url.username), database: decodeURIComponent(url.pathname.slice(1)) };
  const applied = await setupDatabase(url.href, config.WHERRY_MIGRATIONS_DIR, passwords).catch((cause: unknown) => {
    throw new Error(explainFailure(cause, target));
  });
  const message = applied.length === 0 ? 'The schema was up to date.' : `Applied ${applied.join(', ')}.`;
  const durationMs = Math.round(performance.now() - startedAt);
  log.write({ op: 'database.migrate', ok: true, count: applied.length, durationMs, message });
}

/** @throws Error that does not repeat the text: it holds the password. */
function ownerUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.username !== '') return url;
  throw new Error(
    'The file that WHERRY_DATABASE_URL_FILE names must hold postgresql://<owner>:<password>@<host>/<database>.',
  );
}

function readPasswords(folder: string): Record<ProcessRole, string> {
  const read = Object.values(processRoles).map((role) => {
    const password = readSecretFile(
      `WHERRY_ROLE_PASSWORDS_DIR (${role}.password)`,
      path.join(folder, `${role}.password`),
    );
    if (password === '') throw new Error(`The password of ${role} is empty: put one into ${role}.password.`);
    return [role, password] as const;
  });
  return Object.fromEntries(read) as Record<ProcessRole, string>;
}

main().catch((error: unknown) => {
  log.write({ op: 'database.migrate', ok: false, message: describeError(error) });
  process.exitCode = 1;
});
