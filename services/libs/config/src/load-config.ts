import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/**
 * Parses a process environment against one schema, once, in main.ts.
 * @throws Error naming every bad variable, never its value.
 */
export function loadConfig<T>(schema: z.ZodType<T>, env: Readonly<Record<string, string | undefined>>): Readonly<T> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return Object.freeze(parsed.data);
  const names = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.')))];
  throw new Error(`Invalid configuration: ${names.join(', ')}`);
}

/** The trimmed content of a secret's file. @throws Error naming the variable, never the content. */
export function readSecretFile(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new Error(`Cannot read the file that ${variable} names.`, { cause });
  }
}
