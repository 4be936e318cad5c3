import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TreeEntry } from '../tree';
import { renameOrDrop, syncFolder } from './artifact-store';
import { writeTree, type Piece } from './tree-files';

/** Installed packages: where they are, and what they are, so that they need not be hashed again. */
export type CachedTree = Readonly<{ folder: string; entries: readonly TreeEntry[] }>;

const keptEntries = 20;
const unusedMs = 3_600_000;

/**
 * One tenant's installed packages, by key: `<key>/tree` and `<key>/listing.json`. Only the builder writes here, from
 * outside of any sandbox, and an entry appears whole. Its files are hard-linked into artifacts, so they never change.
 */
export class DependencyCache {
  constructor(
    private readonly folder: string,
    private readonly owner: string,
  ) {}

  async find(key: string, nowMs: number): Promise<CachedTree | null> {
    const entry = join(this.folder, key);
    try {
      const entries = JSON.parse(await readFile(join(entry, 'listing.json'), 'utf8')) as TreeEntry[];
      await utimes(entry, nowMs / 1_000, nowMs / 1_000);
      return { folder: join(entry, 'tree'), entries };
    } catch {
      return null;
    }
  }

  /** Copies a folder that was installed into the cache, as the builder's own files. */
  async takeIn(key: string, from: string, entries: readonly TreeEntry[]): Promise<CachedTree> {
    const temporary = join(this.folder, `.tmp-${this.owner}-${key}`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(join(temporary, 'tree'), { recursive: true, mode: 0o755 });
    const pieces = entries.map((entry): Piece => ({ entry, from: join(from, entry.path), how: 'copy' }));
    await writeTree(join(temporary, 'tree'), pieces, { owner: null, isDurable: true });
    await writeFile(join(temporary, 'listing.json'), JSON.stringify(entries), { flush: true });
    await renameOrDrop(temporary, join(this.folder, key));
    await syncFolder(this.folder);
    return { folder: join(this.folder, key, 'tree'), entries };
  }

  /** Keeps the entries used last, and those used within the hour, which a running build may be linking from. */
  async trim(nowMs: number): Promise<void> {
    const found = await Promise.all(
      (await readdir(this.folder)).map(async (name) => ({
        name,
        usedMs: await stat(join(this.folder, name)).then(
          (info) => info.mtimeMs,
          () => nowMs,
        ),
      })),
    );
    const isOld = (usedMs: number): boolean => nowMs - usedMs > unusedMs;
    const leftovers = found.filter(({ name, usedMs }) => name.startsWith('.tmp-') && isOld(usedMs));
    const entries = found.filter(({ name }) => !name.startsWith('.tmp-')).toSorted((a, b) => b.usedMs - a.usedMs);
    const surplus = entries.slice(keptEntries).filter(({ usedMs }) => isOld(usedMs));
    for (const { name } of [...leftovers, ...surplus]) {
      // Renamed first: half an entry under its own name would be taken for a whole one.
      const gone = join(this.folder, `.tmp-gone-${name.replace(/^\.tmp-/, '')}`);
      await rename(join(this.folder, name), gone).catch(() => undefined);
      await rm(gone, { recursive: true, force: true });
    }
  }
}
