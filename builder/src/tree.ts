import { createHash } from 'node:crypto';

/** One file or link of a tree. Folders are implied by paths, as in git; empty ones do not exist. */
export type TreeEntry =
  | Readonly<{ kind: 'file'; path: string; executable: boolean; sha256: string; bytes: number }>
  | Readonly<{ kind: 'link'; path: string; target: string }>;

/**
 * sha256 in hex of a canonical manifest: one JSON line per entry, sorted by path. Names, the executable bit, contents
 * and link targets count; owners, times and the order of the entries do not.
 */
export function treeDigest(entries: readonly TreeEntry[]): string {
  const hash = createHash('sha256').update('wherry-tree-1\n');
  for (const entry of entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const rest = entry.kind === 'file' ? [entry.executable ? 'x' : '-', entry.sha256] : ['l', entry.target];
    hash.update(`${JSON.stringify([entry.path, ...rest])}\n`);
  }
  return hash.digest('hex');
}

/**
 * Whether a symbolic link at `path` may lead out of its tree. Only leading `..` parts are allowed, and no more than the
 * link is deep: a later one could follow another link and climb further than the text shows.
 */
export function linkLeaves(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/')) return true;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const climbs = parts.findIndex((part) => part !== '..');
  const count = climbs === -1 ? parts.length : climbs;
  if (parts.slice(count).includes('..')) return true;
  return count > path.split('/').length - 1;
}

export function sizeOf(entries: readonly TreeEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.bytes : 0), 0);
}
