import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, openSync, statSync, truncateSync } from 'node:fs';
import type { Cgroups } from './cgroups';
import { readProcess, sandboxedCommands, type ProcessRow } from './processes';
import type { KeeperOrder, KeeperProcess } from './protocol';

/**
 * Enters the cgroups before the program starts, so that not one allocation escapes its limits. Fixed text; everything
 * else is a positional argument: cgroup files, `--`, program, arguments. The shell and setpriv (util-linux) replace
 * themselves, so the parent-death signal, which survives exec but not fork, holds along the chain.
 */
const launch = `
while [ "$1" != -- ]; do echo $$ >"$1" || exit 126; shift; done
shift
exec "$@"`;

/** Disk that one output file may take before it is emptied. Its reader is expected to keep it far below this. */
const maxOutputBytes = 64 * 2 ** 20;
let starts = 0;
const blockBytes = 512; // The unit of stat(2)'s st_blocks.

export class KeptProcess {
  /** Deleted by its owner while it ran: not listed any more once it has exited. */
  isForgotten = false;
  /** Null once it runs, or a sentence that says why it does not. */
  readonly spawned: Promise<string | null>;
  private readonly exited: Promise<void>;
  private readonly startTime: string;
  private outcome: { exitCode: number | null; signal: string | null; outOfMemory: boolean } | null = null;
  private isOverMemory = false;
  private hasCgroup: boolean;
  private readonly limiting: NodeJS.Timeout | null = null;

  /** `cgroupId` is new with every start: a restart must not inherit counters, or a cgroup that is still emptying. */
  private constructor(
    readonly id: string,
    private readonly order: KeeperOrder,
    private readonly cgroups: Cgroups | null,
    private readonly cgroupId: string,
    private readonly child: ChildProcess,
    onExit: (gone: KeptProcess) => void,
  ) {
    this.hasCgroup = cgroups !== null;
    this.startTime = child.pid === undefined ? '' : (readProcess(child.pid)?.startTime ?? '');
    this.spawned = new Promise((resolve) => {
      child.once('spawn', () => resolve(null));
      child.once('error', (error) => resolve(`${order.file} could not be started: ${error.message}.`));
    });
    if (order.limits.cpuFreeMs) {
      this.limiting = setTimeout(() => cgroups?.limit(cgroupId, order.limits), order.limits.cpuFreeMs).unref();
    }
    this.exited = new Promise((resolve) => {
      child.once('exit', (exitCode, signal) => {
        this.finish(exitCode, signal);
        onExit(this);
        resolve();
      });
      child.once('error', () => resolve());
    });
  }

  static start(
    id: string,
    order: KeeperOrder,
    cgroups: Cgroups | null,
    onExit: (gone: KeptProcess) => void,
  ): KeptProcess {
    const cgroupId = `${id}.${(starts += 1)}`;
    const cpuFreeMs = order.limits.cpuFreeMs ?? 0;
    cgroups?.make(cgroupId, cpuFreeMs > 0 ? { ...order.limits, cpuMillicores: null } : order.limits);
    const output = order.output === null ? 'ignore' : openSync(order.output, 'a', 0o600);
    try {
      const args = ['--pdeathsig', 'KILL', '--', '/bin/sh', '-c', launch, 'wherry-launch'];
      const child = spawn(
        'setpriv',
        [...args, ...(cgroups?.procsFiles(cgroupId) ?? []), '--', order.file, ...order.args],
        {
          cwd: order.cwd,
          env: { PATH: '/usr/bin:/bin', ...order.env },
          detached: true, // A process group (and session) of its own.
          stdio: [order.stdin === undefined ? 'ignore' : 'pipe', output, output],
        },
      );
      // A program that does not read its input, or has ended, is no failure of ours.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(Buffer.from(order.stdin ?? '', 'base64'));
      return new KeptProcess(id, order, cgroups, cgroupId, child, onExit);
    } finally {
      if (typeof output === 'number') closeSync(output);
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.outcome === null && this.child.pid !== undefined;
  }

  describe(): KeeperProcess {
    const { exitCode = null, signal = null, outOfMemory = false } = this.outcome ?? {};
    return {
      id: this.id,
      pid: this.pid,
      startTime: this.startTime,
      state: this.isRunning ? 'running' : 'exited',
      exitCode,
      signal,
      outOfMemory,
      limitKind: this.cgroups ? 'cgroup' : 'approximate',
    };
  }

  /** Resolves when it has exited. */
  async stop(graceMs: number): Promise<void> {
    if (!this.isRunning) return;
    if (graceMs > 0) this.terminate();
    const timer = setTimeout(() => this.killGroup(), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Kills a process that outgrew its limits where no cgroup holds them. */
  limitApproximately(family: readonly ProcessRow[]): void {
    const { memoryMiB, pids } = this.order.limits;
    const residentBytes = family.reduce((sum, row) => sum + row.residentBytes, 0);
    this.isOverMemory = memoryMiB !== null && residentBytes > memoryMiB * 2 ** 20;
    if (this.isOverMemory || (pids !== null && family.length > pids)) this.killGroup();
  }

  /** The last guard of the disk: it works also while nobody reads the output. */
  limitOutput(): void {
    const file = this.order.output;
    if (file === null) return;
    const size = statSync(file, { throwIfNoEntry: false });
    if (!size || size.blocks * blockBytes <= maxOutputBytes) return;
    truncateSync(file);
    appendFileSync(file, `[wherry] ${size.size} bytes of output were dropped: they were written faster than read.\n`);
  }

  /** Removes the cgroups. False when the kernel refuses, as it does for a moment after a kill: try again later. */
  cleanUp(): boolean {
    if (!this.isRunning && this.hasCgroup) this.hasCgroup = !this.cgroups!.remove(this.cgroupId);
    return !this.hasCgroup;
  }

  private finish(exitCode: number | null, signal: string | null): void {
    const outOfMemory = this.isOverMemory || (this.cgroups?.wasOutOfMemory(this.cgroupId) ?? false);
    if (this.limiting) clearTimeout(this.limiting);
    this.outcome = { exitCode, signal, outOfMemory };
    this.killGroup(); // What it left behind.
    this.cleanUp();
  }

  private terminate(): void {
    const commands = this.order.sandboxed ? sandboxedCommands(this.pid) : [];
    // Without a command the sandbox is still being made: nothing in it needs a grace.
    for (const pid of commands.length > 0 ? commands : [-this.pid]) sendSignal(pid, 'SIGTERM');
  }

  private killGroup(): void {
    if (this.pid > 0) sendSignal(-this.pid, 'SIGKILL');
    for (const pid of this.cgroups?.pids(this.cgroupId) ?? []) sendSignal(pid, 'SIGKILL');
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    /* It is gone. */
  }
}
