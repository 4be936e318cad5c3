import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastWords } from './builder-log';

let dir: string;
const file = () => path.join(dir, 'builder.log');
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'wherry-log-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('lastWords', () => {
  it('says nothing of a log that is empty, missing, or not a plain file', async () => {
    await expect(lastWords(file())).resolves.toBeNull();
    writeFileSync(file(), '');
    await expect(lastWords(file())).resolves.toBeNull();
    const link = path.join(dir, 'link');
    writeFileSync(file(), 'told');
    symlinkSync(file(), link);
    await expect(lastWords(link)).resolves.toBeNull();
    await expect(lastWords(dir)).resolves.toBeNull();
  });

  it('tells the last lines, and no line that is cut', async () => {
    writeFileSync(file(), `${'x'.repeat(5_000)}\nError: why\n    at here\n`);
    await expect(lastWords(file())).resolves.toBe('Error: why\n    at here');
    writeFileSync(file(), 'y'.repeat(100) + '\n'.repeat(40) + 'end\n');
    expect((await lastWords(file()))?.trim()).toBe('end');
  });

  it('tells no token of a remote or of a registry', async () => {
    const token = `wherry_${'a-B_'.repeat(10)}abc`;
    const credential = `eyJhbGciOiJFZERTQSJ9.${'e30_'.repeat(9)}.${'c2ln-'.repeat(17)}`;
    writeFileSync(
      file(),
      `fatal: http://x-access-token:${token}@git:8081/a.git\nAuthorization: Bearer ${credential}\n`,
    );
    await expect(lastWords(file())).resolves.toBe(
      'fatal: http://x-access-token:[redacted]@git:8081/a.git\nAuthorization: Bearer [redacted]',
    );
  });
});
