import { constants } from 'node:fs';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type KeyPair, keyIdOf, keyPairOf, newKeyPair } from '../sealing';

/** `keys`: newest first; the first is the one that new secrets are sealed to. Halves as base64. */
const KeyFile = z.strictObject({
  keys: z.array(z.strictObject({ keyId: z.string(), publicKey: z.base64(), privateKey: z.base64() })).min(1),
});

/** Newest first; there is always one. */
export type SealingKeys = readonly [KeyPair, ...KeyPair[]];

/** 32 bytes as base64, one key a line: what an installer can make that knows nothing of this cryptography. */
const bareKeys = /^(?:[A-Za-z0-9+/]{43}=\s*)+$/;

/**
 * The sealing keys of one process, newest first. The file holds them as this function writes them, or private halves
 * alone, each as a line of base64. A missing file is made with one new pair, mode 0600, complete or not
 * at all. A file that cannot be understood is never overwritten: with it every stored secret would be lost.
 * @throws Error saying what to do, without content of the file.
 */
export async function loadSealingKeys(file: string): Promise<SealingKeys> {
  return (await readKeys(file)) ?? (await createKeys(file));
}

async function readKeys(file: string): Promise<SealingKeys | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`The sealing key file ${file} cannot be read. Check its owner and mode.`, { cause: error });
  }
  if (bareKeys.test(text)) {
    const lines = text.split(/\s+/).filter(Boolean);
    return atLeastOne(await Promise.all(lines.map((line) => keyPairOf(Buffer.from(line, 'base64')))), file);
  }
  const parsed = KeyFile.safeParse(jsonOf(text));
  const pairs = parsed.data?.keys.map(({ keyId, publicKey, privateKey }) => ({
    keyId,
    publicKey: Buffer.from(publicKey, 'base64'),
    privateKey: Buffer.from(privateKey, 'base64'),
  }));
  if (!pairs?.every((pair) => pair.privateKey.length === 32 && keyIdOf(pair.publicKey) === pair.keyId)) {
    throw damaged(file);
  }
  return atLeastOne(pairs, file);
}

function atLeastOne([first, ...others]: readonly KeyPair[], file: string): SealingKeys {
  if (first === undefined) throw damaged(file);
  return [first, ...others];
}

function damaged(file: string): Error {
  const advice = 'Restore it from a backup; or move it away, start again, and set again all that was sealed to it.';
  return new Error(`The sealing key file ${file} is damaged. ${advice}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function createKeys(file: string): Promise<SealingKeys> {
  const pair = await newKeyPair();
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const content: z.infer<typeof KeyFile> = {
    keys: [{ keyId: pair.keyId, publicKey: base64(pair.publicKey), privateKey: base64(pair.privateKey) }],
  };
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Named by its key, so that starts at the same time do not share it. One that is left by a kill is never used.
  const draft = `${file}.${pair.keyId}.new`;
  await writeDurably(draft, `${JSON.stringify(content)}\n`);
  try {
    // Unlike a rename, a link never replaces a key that someone else has made in between.
    await link(draft, file);
    await syncFolder(folder);
    return [pair];
  } catch (error) {
    const theirs = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await readKeys(file) : null;
    if (theirs) return theirs;
    throw new Error(`The sealing key file ${file} cannot be made. Check its folder.`, { cause: error });
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

async function writeDurably(file: string, content: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
