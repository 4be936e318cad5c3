import { readdirSync, readFileSync } from 'node:fs';

/** One line of the process table. `startTime` is in clock ticks since boot, as text. */
export type ProcessRow = Readonly<{ pid: number; parent: number; startTime: string; residentBytes: number }>;

const pageBytes = 4096;

/** Reads /proc/<pid>/stat (proc(5)); null when there is no such process. */
export function readProcess(pid: number): ProcessRow | null {
  try {
    // The name, in parentheses, may hold spaces and parentheses itself: fields are counted from the last one.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      pid,
      parent: Number(fields[1]),
      startTime: fields[19] ?? '',
      residentBytes: Number(fields[21]) * pageBytes,
    };
  } catch {
    return null;
  }
}

export function readAllProcesses(): ProcessRow[] {
  return readdirSync('/proc').flatMap((name) => {
    const row = /^\d+$/.test(name) ? readProcess(Number(name)) : null;
    return row ? [row] : [];
  });
}

/** A process and all that descend from it. Pure. */
export function familyOf(pid: number, all: readonly ProcessRow[]): ProcessRow[] {
  const found = all.filter((row) => row.pid === pid);
  for (const member of found) found.push(...all.filter((row) => row.parent === member.pid && row.pid !== pid));
  return found;
}

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/**
 * Whom SIGTERM of a sandbox is for: the command, two processes below bubblewrap (its other children, such as the
 * network helper, have none of their own). Empty while the sandbox is still being made.
 */
export function sandboxedCommands(pid: number): number[] {
  return childrenOf(pid).flatMap(childrenOf);
}
