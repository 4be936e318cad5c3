import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';

export const systemRandom = (count: number): Uint8Array => randomBytes(count);

export function isRunByRoot(): boolean {
  return process.getuid?.() === 0;
}

export function folderExists(path: string): boolean {
  return existsSync(path);
}

/** Makes the folders that the engine writes to; they may exist. */
export function makeFolders(paths: readonly string[]): void {
  for (const path of paths) mkdirSync(path, { recursive: true, mode: 0o700 });
}

export function outputPath(outputDir: string, replicaId: string): string {
  return join(outputDir, `${replicaId}.log`);
}

/** Replica ids that have an output file. */
export function listOutputs(outputDir: string): string[] {
  return existsSync(outputDir) ? readdirSync(outputDir).flatMap((name) => /^(.*)\.log$/.exec(name)?.[1] ?? []) : [];
}

export function removeOutput(outputDir: string, replicaId: string): void {
  rmSync(outputPath(outputDir, replicaId), { force: true });
}

/** One watch for all replicas: tells whose output grew. Returns what ends it. */
export function watchOutputs(outputDir: string, onChange: (replicaId: string) => void): () => void {
  const watcher = watch(outputDir, (_, name) => onChange(name?.replace(/\.log$/, '') ?? ''));
  watcher.on('error', () => undefined);
  return () => watcher.close();
}
