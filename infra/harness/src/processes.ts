import { readFileSync, readdirSync } from 'node:fs';

export type ProcessInfo = Readonly<{
  pid: number;
  parent: number;
  /** Field 22 of /proc/<pid>/stat: with the pid it names a process for ever. */
  startTime: string;
  command: string;
}>;

/** Every process below `root`, itself excluded. */
export function descendants(root: number): ProcessInfo[] {
  const all = allProcesses();
  const found: ProcessInfo[] = [];
  const parents = new Set([root]);
  for (let grew = true; grew;) {
    grew = false;
    for (const one of all) {
      if (!parents.has(one.parent) || parents.has(one.pid)) continue;
      parents.add(one.pid);
      found.push(one);
      grew = true;
    }
  }
  return found;
}

/** Those of `processes` that have not ended. A zombie has. */
export function stillRunning(processes: readonly ProcessInfo[]): ProcessInfo[] {
  return processes.filter(({ pid, startTime }) => describe(pid)[0]?.startTime === startTime);
}

/** Every process of this machine that can be seen from here. */
export function allProcesses(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => describe(Number(name)));
}

/** What the kernel tells of a process; null when it has ended. */
export function statusOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return null;
  }
}

function describe(pid: number): ProcessInfo[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return [{ pid, parent: Number(fields[1]), startTime: fields[19] as string, command }];
  } catch {
    return []; // ended while we looked
  }
}
