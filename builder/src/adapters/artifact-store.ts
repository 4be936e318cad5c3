import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeTree, type Piece } from './tree-files';

/** Folders named by their digest. An artifact appears whole or not at all, and is never written again. */
export class ArtifactStore {
  constructor(
    private readonly folder: string,
    /** Unique among running builds, so that temporary names never meet. */
    private readonly owner: string,
  ) {}

  async has(hex: string): Promise<boolean> {
    return stat(join(this.folder, hex)).then(
      (info) => info.isDirectory(),
      () => false,
    );
  }

  /** Stores the pieces under `hex`, their tree digest. Doing it twice, or from two builds at once, gives one artifact. */
  async store(hex: string, pieces: readonly Piece[]): Promise<void> {
    if (await this.has(hex)) return;
    const temporary = join(this.folder, `.tmp-${this.owner}-${hex}`);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { mode: 0o755 });
    await writeTree(temporary, pieces, { owner: null, isDurable: true });
    await renameOrDrop(temporary, join(this.folder, hex));
    await syncFolder(this.folder);
  }

  /** Removes what builds that were killed left behind: temporary folders older than an hour. */
  async sweep(nowMs: number): Promise<void> {
    for (const name of await readdir(this.folder)) {
      if (!name.startsWith('.tmp-')) continue;
      const path = join(this.folder, name);
      const info = await stat(path).catch(() => null);
      if (info && nowMs - info.ctimeMs > 3_600_000) await rm(path, { recursive: true, force: true });
    }
  }
}

/** Moves a finished folder to its name, or removes it when another one has made the same in the meantime. */
export async function renameOrDrop(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    await rm(from, { recursive: true, force: true });
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
