import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync, existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { KeeperOrder } from './protocol';

const controllers = ['memory', 'cpu', 'pids'] as const;
type Controller = (typeof controllers)[number];

/** A place where child cgroups may be made: one for all controllers (v2), or one per controller (v1). */
export type Hierarchy = Readonly<{ version: 1 | 2; controllers: readonly Controller[]; dir: string }>;

/** The period of the processor quota, in microseconds: the kernel's own default. */
const cpuPeriodUs = 100_000;

/**
 * The hierarchies this process is in, read from the texts of /proc/self/mountinfo and /proc/self/cgroup (formats:
 * proc(5) and cgroups(7)). Pure. With both versions mounted (hybrid), v1 holds the controllers and is preferred.
 */
export function findHierarchies(mountinfo: string, selfCgroup: string): Hierarchy[] {
  const own = selfCgroup
    .trim()
    .split('\n')
    .map((line) => line.split(':'))
    .map(([, names = '', ...path]) => ({ names: names.split(','), path: path.join(':') }));
  const found: Hierarchy[] = [];
  for (const line of mountinfo.trim().split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '/', mountPoint = ''] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const version = type === 'cgroup' ? 1 : 2;
    const held = version === 2 ? controllers : controllers.filter((name) => options.split(',').includes(name));
    if (held.length === 0) continue;
    const path = own.find((each) => each.names.includes(version === 2 ? '' : held[0]!))?.path ?? '/';
    // In a container the mount shows only a part of the tree, and our path may lie outside it.
    const below = relative(root, path);
    found.push({ version, controllers: held, dir: below.startsWith('..') ? mountPoint : join(mountPoint, below) });
  }
  const first = found.filter((each) => each.version === 1);
  return controllers.every((name) => first.some((each) => each.controllers.includes(name)))
    ? first
    : found.filter((each) => each.version === 2);
}

/**
 * One folder of cgroups per keeper, in each hierarchy; below it one cgroup per process. The folder's name comes from
 * the keeper's socket, so a keeper finds and clears what a killed one before it left.
 */
export class Cgroups {
  private constructor(private readonly parents: readonly Hierarchy[]) {}

  /** Null when the host does not let us make cgroups that hold memory, processor and process limits alike. */
  static open(name: string): Cgroups | null {
    try {
      const hierarchies = findHierarchies(
        readFileSync('/proc/self/mountinfo', 'utf8'),
        readFileSync('/proc/self/cgroup', 'utf8'),
      );
      const parents = hierarchies.map((each) => ({ ...each, dir: join(each.dir, name) }));
      const cgroups = new Cgroups(parents);
      for (const parent of parents) prepare(parent);
      cgroups.clear();
      // Only a try shows whether limits hold here: a v2 cgroup without delegated controllers has no limit files.
      cgroups.make('probe', { memoryMiB: 64, cpuMillicores: 1000, pids: 64 });
      cgroups.remove('probe');
      return parents.length === 0 ? null : cgroups;
    } catch {
      return null;
    }
  }

  /** Where a process writes its pid to enter the cgroups of `id`. */
  procsFiles(id: string): string[] {
    return this.parents.map((parent) => join(parent.dir, id, 'cgroup.procs'));
  }

  /** Folders whose children are the cgroups; the first is enough to find every process. */
  get root(): string {
    return this.parents[0]!.dir;
  }

  /** Makes the cgroups of `id`. Throws when the kernel refuses. */
  make(id: string, limits: KeeperOrder['limits']): void {
    for (const parent of this.parents) mkdirSync(join(parent.dir, id), { recursive: true });
    this.limit(id, limits);
  }

  /** Sets limits of cgroups that exist; null fields stay as they are. */
  limit(id: string, limits: KeeperOrder['limits']): void {
    for (const parent of this.parents) {
      const dir = join(parent.dir, id);
      for (const [file, value] of limitFiles(parent, limits)) writeFileSync(join(dir, file), value);
      // Swap would let a function grow past its limit; hosts without swap accounting lack the file.
      const swap = join(dir, parent.version === 1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max');
      if (limits.memoryMiB !== null && existsSync(swap)) {
        writeFileSync(swap, parent.version === 1 ? String(limits.memoryMiB * 2 ** 20) : '0');
      }
    }
  }

  /** Whether the kernel killed something in `id` for its memory. Source: cgroup-v1 memory.oom_control, v2 memory.events. */
  wasOutOfMemory(id: string): boolean {
    const parent = this.parents.find((each) => each.controllers.includes('memory'));
    if (!parent) return false;
    const text = readOr(join(parent.dir, id, parent.version === 1 ? 'memory.oom_control' : 'memory.events'), '');
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
  }

  pids(id: string): number[] {
    return readOr(join(this.root, id, 'cgroup.procs'), '')
      .split('\n')
      .filter(Boolean)
      .map(Number);
  }

  /** Returns false while a killed process is still leaving; ask again later. */
  remove(id: string): boolean {
    let isGone = true;
    for (const parent of this.parents) isGone = removeDir(join(parent.dir, id)) && isGone;
    return isGone;
  }

  /** Kills what is left in any cgroup of this keeper, and removes the empty ones. */
  clear(): void {
    const ids = new Set(this.parents.flatMap((parent) => childDirs(parent.dir)));
    for (const id of ids) {
      for (const pid of this.pids(id)) tryKill(pid);
      this.remove(id);
    }
  }

  /** Removes everything this keeper made. */
  close(): void {
    this.clear();
    for (const parent of this.parents) removeDir(parent.dir);
  }
}

function prepare(parent: Hierarchy): void {
  if (parent.version === 2) enableControllers(join(parent.dir, '..'));
  mkdirSync(parent.dir, { recursive: true });
  if (parent.version === 2) enableControllers(parent.dir);
}

/** Fails silently when a process sits in that cgroup (v2 allows processes in leaves only); the probe then tells. */
function enableControllers(dir: string): void {
  try {
    writeFileSync(join(dir, 'cgroup.subtree_control'), '+memory +cpu +pids');
  } catch {
    /* The controllers may be enabled already; `open` tries them. */
  }
}

function limitFiles(parent: Hierarchy, limits: KeeperOrder['limits']): [file: string, value: string][] {
  const quotaUs = limits.cpuMillicores === null ? null : Math.max(1000, (limits.cpuMillicores * cpuPeriodUs) / 1000);
  const memory = limits.memoryMiB === null ? null : String(limits.memoryMiB * 2 ** 20);
  const pids = limits.pids === null ? null : String(limits.pids);
  const files: [Controller, string, string | null][] =
    parent.version === 1
      ? [
          ['memory', 'memory.limit_in_bytes', memory],
          ['cpu', 'cpu.cfs_period_us', quotaUs === null ? null : String(cpuPeriodUs)],
          ['cpu', 'cpu.cfs_quota_us', quotaUs === null ? null : String(quotaUs)],
          ['pids', 'pids.max', pids],
        ]
      : [
          ['memory', 'memory.max', memory],
          ['cpu', 'cpu.max', quotaUs === null ? null : `${quotaUs} ${cpuPeriodUs}`],
          ['pids', 'pids.max', pids],
        ];
  return files.flatMap(([controller, file, value]) =>
    value !== null && parent.controllers.includes(controller) ? [[file, value] as [string, string]] : [],
  );
}

function childDirs(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((each) => (each.isDirectory() ? [each.name] : []));
}

function removeDir(dir: string): boolean {
  try {
    rmdirSync(dir);
  } catch {
    return !existsSync(dir);
  }
  return true;
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    /* It is gone. */
  }
}
