import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { treeDigest } from '../tree';
import { ArtifactStore } from './artifact-store';
import { DependencyCache } from './dependency-cache';
import { readTree, realFolder, type Piece, writeTree } from './tree-files';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'wherry-tree-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('realFolder', () => {
  it('finds a folder, and nothing where there is none', async () => {
    mkdirSync(join(home, 'function/node_modules'), { recursive: true });
    expect(await realFolder(home, 'function/node_modules')).toBe(join(home, 'function/node_modules'));
    expect(await realFolder(home, 'function/packages')).toBeNull();
  });

  it.each(['function', 'function/node_modules'])('follows no link in place of %s', async (part) => {
    const outside = join(home, 'outside/node_modules');
    mkdirSync(outside, { recursive: true });
    mkdirSync(join(home, 'context', part, '..'), { recursive: true });
    symlinkSync(part === 'function' ? join(home, 'outside') : outside, join(home, 'context', part));
    await expect(realFolder(join(home, 'context'), 'function/node_modules')).rejects.toThrow(/something else/);
  });
});

it('gives files of the same size and other content other times, where it is asked to, and the same content the same', async () => {
  const timeOf = async (name: string, content: string) => {
    mkdirSync(join(home, name, 'from'), { recursive: true });
    writeFileSync(join(home, name, 'from/handler.js'), content);
    const [entry] = await readTree(join(home, name, 'from'), 'The test', 1);
    const piece: Piece = { entry: entry!, from: join(home, name, 'from/handler.js'), how: 'copy' };
    await writeTree(join(home, name, 'to'), [piece], { owner: null, isDurable: false, timesByContent: true });
    return statSync(join(home, name, 'to/handler.js')).mtimeMs;
  };
  const [one, two, again] = [await timeOf('a', '"one"'), await timeOf('b', '"two"'), await timeOf('c', '"one"')];
  expect(two).not.toBe(one);
  expect(again).toBe(one);
});

describe('what is stored', () => {
  const pieces = async (): Promise<Piece[]> => {
    mkdirSync(join(home, 'from/lib'), { recursive: true });
    writeFileSync(join(home, 'from/lib/run.sh'), '#!/bin/sh\n', { mode: 0o4777 });
    symlinkSync('lib/run.sh', join(home, 'from/run'));
    const entries = await readTree(join(home, 'from'), 'The test', 1);
    return entries.map((entry) => ({ entry, from: join(home, 'from', entry.path), how: 'copy' }));
  };

  it('appears whole under its digest, with plain modes, also when it is stored twice at once', async () => {
    const all = await pieces();
    const hex = treeDigest(all.map(({ entry }) => entry));
    const folder = join(home, 'artifacts');
    mkdirSync(folder);
    await Promise.all(['one', 'two'].map((owner) => new ArtifactStore(folder, owner).store(hex, all)));
    expect(readdirSync(folder)).toEqual([hex]);
    expect(statSync(join(folder, hex, 'run')).mode & 0o7777).toBe(0o644 | 0o111);
    expect(treeDigest(await readTree(join(folder, hex), 'The artifact', 1))).toBe(hex);
  });

  it('is swept when its builder was killed, but not while another may be writing', async () => {
    const folder = join(home, 'artifacts');
    mkdirSync(join(folder, '.tmp-dead-x'), { recursive: true });
    const { ctimeMs } = statSync(join(folder, '.tmp-dead-x'));
    const store = new ArtifactStore(folder, 'one');
    await store.sweep(ctimeMs + 3_599_000);
    expect(readdirSync(folder)).toEqual(['.tmp-dead-x']);
    await store.sweep(ctimeMs + 3_601_000);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is found in the cache, and the least used of more than 20 entries goes', async () => {
    const folder = join(home, 'cache');
    mkdirSync(folder);
    const cache = new DependencyCache(folder, 'one');
    const all = await pieces();
    const entries = all.map(({ entry }) => entry);
    for (let index = 0; index < 22; index++) await cache.takeIn(`key${index}`, join(home, 'from'), entries);
    for (let index = 0; index < 22; index++) await cache.find(`key${index}`, 1_000_000_000 + index * 1_000);
    await cache.trim(1_000_000_000 + 4_000_000);
    expect(readdirSync(folder)).toHaveLength(20);
    expect(await cache.find('key0', 1)).toBeNull();
    const found = await cache.find('key21', 1);
    expect(readFileSync(join(found?.folder ?? '', 'lib/run.sh'), 'utf8')).toBe('#!/bin/sh\n');
  });
});
