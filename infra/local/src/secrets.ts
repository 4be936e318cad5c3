import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { processRoles, type ProcessRole } from '@wherry/db';

/** The content of a secret's file; made of 32 random bytes when missing. Atomic, 0600. */
export function ensureSecret(folder: string, name: string): string {
  const file = path.join(folder, name);
  if (!existsSync(file)) writeSecret(folder, name, randomBytes(32).toString('base64url'));
  return readFileSync(file, 'utf8').trim();
}

export function writeSecret(folder: string, name: string, value: string): void {
  const file = path.join(folder, name);
  writeFileSync(`${file}.draft`, `${value}\n`, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
}

/** A password for each process's database role. */
export function rolePasswords(folder: string): Record<ProcessRole, string> {
  const passwords = {} as Record<ProcessRole, string>;
  for (const role of Object.values(processRoles)) passwords[role] = ensureSecret(folder, `${role}.password`);
  return passwords;
}

/** The connection string of a role on the same server and database as the owner's. */
export function roleUrl(ownerUrl: string, role: ProcessRole, password: string): string {
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = password;
  return url.href;
}
