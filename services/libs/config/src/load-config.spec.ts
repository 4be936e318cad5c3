import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig, readSecretFile } from './load-config';

const schema = z.object({ PORT: z.coerce.number().int(), URL: z.url(), NAME: z.string().default('local') });

it('gives the parsed values, which nobody can change', () => {
  const config = loadConfig(schema, { PORT: '80', URL: 'http://a.test', OTHER: 'x' });
  expect(config).toEqual({ PORT: 80, URL: 'http://a.test', NAME: 'local' });
  expect(Object.isFrozen(config)).toBe(true);
});

it('names every bad variable at once, and no value', () => {
  expect(() => loadConfig(schema, { PORT: 'hidden', URL: 'hidden' })).toThrow(/^Invalid configuration: PORT, URL$/);
  expect(() => loadConfig(schema, {})).toThrow(/^Invalid configuration: PORT, URL$/);
});

it('reads a secret without its line end, and names the variable of one that cannot be read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-config-'));
  try {
    writeFileSync(join(folder, 'key'), 'value\n');
    expect(readSecretFile('KEY_FILE', join(folder, 'key'))).toBe('value');
    expect(() => readSecretFile('KEY_FILE', join(folder, 'none'))).toThrow('the file that KEY_FILE names');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
