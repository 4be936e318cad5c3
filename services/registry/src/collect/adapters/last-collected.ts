import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** When blobs were last collected, kept with the images, so that a new start does not do it again at once. */
export class LastCollected {
  private readonly file: string;

  constructor(dataDir: string) {
    this.file = path.join(dataDir, 'collected-at');
  }

  /** Unix milliseconds; null when never, or when the file tells no time. */
  async read(): Promise<number | null> {
    const atMs = Date.parse(await readFile(this.file, 'utf8').catch(() => ''));
    return Number.isNaN(atMs) ? null : atMs;
  }

  async write(atMs: number): Promise<void> {
    await writeFile(`${this.file}.new`, new Date(atMs).toISOString());
    await rename(`${this.file}.new`, this.file);
  }
}
