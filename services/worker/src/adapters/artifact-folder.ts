import { access, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifacts } from '../build/builder-runner';
import type { Clock } from '../clock';
import { removeTree } from './remove-tree';

const digestName = /^[0-9a-f]{64}$/;

/** Artifacts as folders named by their digest in hex. What has another name is being written, or being removed. */
export class ArtifactFolder implements Artifacts {
  constructor(
    private readonly folder: string,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  async existing(digests: readonly string[]): Promise<ReadonlySet<string>> {
    const found = await Promise.all(
      [...new Set(digests)].map(async (digest) => {
        const name = digest.replace(/^sha256:/, '');
        const isThere = digestName.test(name) && (await isPresent(join(this.folder, name)));
        return isThere ? [digest] : [];
      }),
    );
    return new Set(found.flat());
  }

  async isThere(_place: unknown, digest: string): Promise<boolean> {
    return (await this.existing([digest])).has(digest);
  }

  async removeUnused(used: ReadonlySet<string>, olderThanMs: number): Promise<number> {
    let removed = 0;
    for (const name of await names(this.folder)) {
      if (used.has(`sha256:${name}`)) continue;
      const path = join(this.folder, name);
      const found = await stat(path).catch(() => null);
      // The change time: renaming sets it, while the builder sets the modification time to a fixed one.
      if (!found || this.clock.now() - found.ctimeMs < olderThanMs) continue;
      // Out of sight first, so that a kill in the middle leaves no half artifact under its digest.
      const doomed = digestName.test(name) ? join(this.folder, `.removed-${name}`) : path;
      if (doomed !== path) {
        await removeTree(doomed);
        await rename(path, doomed);
      }
      await removeTree(doomed);
      removed += 1;
    }
    return removed;
  }
}

async function isPresent(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
