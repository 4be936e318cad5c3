import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { LocalState } from '@wherry/contract';

/** Writes `local.json` so that a reader sees all of it or none, readable by its owner only. */
export function writeLocalJson(file: string, state: LocalState): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

export function removeLocalJson(file: string): void {
  rmSync(file, { force: true });
}
