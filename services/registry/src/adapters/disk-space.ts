import { statfs } from 'node:fs/promises';

/** Of the file system that the folder is on, in bytes; `free` is what this process may still use. */
export async function diskSpace(folder: string): Promise<{ free: number; size: number }> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { free: bavail * bsize, size: blocks * bsize };
}
