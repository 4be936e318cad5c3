import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { open, seal } from '../sealing';
import { loadSealingKeys } from './sealing-key-file';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wherry-key-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('makes one key for its owner only, and gives the same one at every later start', async () => {
  const file = path.join(folder, 'secrets', 'sealing.key');
  const [made] = await loadSealingKeys(file);
  const [again] = await loadSealingKeys(file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(path.dirname(file))).toEqual(['sealing.key']);
  if (!made || !again) throw new Error('No key was made.');
  const place = { tenantId: 't', environmentId: 'e', name: 'n', version: 1 };
  const sealed = await seal(made.publicKey, { ...place, value: Buffer.from('value') });
  expect(Buffer.from(await open([again], sealed, place)).toString()).toBe('value');
});

it('gives every one of several that start at once the same key', async () => {
  const file = path.join(folder, 'sealing.key');
  const keys = await Promise.all(
    [loadSealingKeys(file), loadSealingKeys(file)].map(async (it) => (await it)[0]?.keyId),
  );
  expect(new Set(keys).size).toBe(1);
});

it('takes private halves alone, newest first, and finds their names', async () => {
  const made = path.join(folder, 'made.key');
  const [pair] = await loadSealingKeys(made);
  if (!pair) throw new Error('No key was made.');
  const file = path.join(folder, 'bare.key');
  const older = Buffer.alloc(32, 7).toString('base64');
  await writeFile(file, `${Buffer.from(pair.privateKey).toString('base64')}\n${older}`);
  const keys = await loadSealingKeys(file);
  expect(keys[0]?.keyId).toBe(pair.keyId);
  expect(keys.map(({ privateKey }) => Buffer.from(privateKey).toString('base64'))[1]).toBe(older);
});

it.each(['', '{"keys":[]}', 'not json'])('refuses a damaged file and leaves it as it is: %j', async (content) => {
  const file = path.join(folder, 'sealing.key');
  await writeFile(file, content);
  await expect(loadSealingKeys(file)).rejects.toThrow(/is damaged. Restore it from a backup/);
  expect(await readFile(file, 'utf8')).toBe(content);
});

it('refuses a file whose halves do not belong to their name, without telling any of it', async () => {
  const file = path.join(folder, 'sealing.key');
  await loadSealingKeys(file);
  const text = (await readFile(file, 'utf8')).replace(/key_[0-9a-f]{4}/, 'key_0000');
  await writeFile(file, text);
  const error = await loadSealingKeys(file).catch((it: Error) => it);
  expect(String(error)).toContain('is damaged');
  expect(String(error)).not.toContain('privateKey');
});
