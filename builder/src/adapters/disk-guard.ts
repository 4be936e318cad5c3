import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const intervalMs = 1_000;

/**
 * Watches how much a folder holds and calls `onFull` once when it is above the limit. Approximate: it looks about once
 * a second, and a tree that takes long to walk is looked at less often, so that looking costs a tenth of a core at most.
 * @returns a function that ends the watch.
 */
export function guardDisk(folder: string, limitMiB: number, onFull: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const look = async (): Promise<void> => {
    const before = performance.now();
    const isFull = (await bytesOf(folder, limitMiB * 2 ** 20)) > limitMiB * 2 ** 20;
    if (isOver) return;
    if (isFull) return onFull();
    timer = setTimeout(() => void look(), Math.max(intervalMs, 10 * (performance.now() - before)));
  };
  timer = setTimeout(() => void look(), intervalMs);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** Bytes on disk, sparse files as what they take; stops counting above `enough`. What disappears meanwhile is left out. */
async function bytesOf(folder: string, enough: number): Promise<number> {
  let bytes = 0;
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await bytesOf(path, enough - bytes);
    else
      bytes += await lstat(path).then(
        (info) => info.blocks * 512,
        () => 0,
      );
    if (bytes > enough) break;
  }
  return bytes;
}
