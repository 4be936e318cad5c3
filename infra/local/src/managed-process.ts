import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

export type ProcessSpec = Readonly<{
  name: string;
  file: string;
  args: readonly string[];
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  logFile: string;
  /** Reports readiness over an IPC channel; else whoever started it calls `markReady`. */
  hasChannel: boolean;
  /** How much it gives way to the others when all processors are busy, as `nice` counts it: from 0 to 19. */
  niceness?: number;
  /** Runs before each start, for example to clear what a killed process left behind. */
  prepare?: () => Promise<void>;
}>;

const longestBackOffMs = 30_000;
/** A process that had become ready and dies is back at most this much later. */
const readyBackOffMs = 200;
const maxLogBytes = 20 * 1024 * 1024;

/**
 * One process of the platform: started with a parent-death signal, so that it never outlives the supervisor, and started
 * again when it ends by itself.
 */
export class ManagedProcess {
  private child: ChildProcess | null = null;
  private isStopping = false;
  private failures = 0;
  private timer: NodeJS.Timeout | null = null;
  private isReady = false;
  private hasBeenReady = false;
  private waiters: (() => void)[] = [];

  constructor(
    readonly spec: ProcessSpec,
    private readonly onPid: (name: string, pid: number) => void,
    private readonly report: (line: string) => void,
  ) {}

  start(): void {
    const prepared = this.spec.prepare?.() ?? Promise.resolve();
    prepared.then(
      () => this.isStopping || this.spawn(),
      (error: Error) => this.ended(error.message),
    );
  }

  /** For a process without a channel. */
  markReady(): void {
    this.isReady = true;
    this.hasBeenReady = true;
    this.failures = 0;
    for (const resolve of this.waiters.splice(0)) resolve();
  }

  /** Resolves when the process has said that it is ready, at its first or a later start. */
  async waitUntilReady(timeoutMs: number): Promise<void> {
    if (this.hasBeenReady) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.waiters.push(resolve);
    const timer = setTimeout(() => {
      reject(
        new Error(`The ${this.spec.name} did not become ready within ${timeoutMs / 1000} s. See ${this.spec.logFile}.`),
      );
    }, timeoutMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGTERM (or the given signal), and SIGKILL when it has not ended after the grace. */
  async stop(graceMs: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.isStopping = true;
    if (this.timer) clearTimeout(this.timer);
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(timer);
  }

  private spawn(): void {
    const log = openLog(this.spec.logFile);
    // setpriv sets the signal that the kernel sends when the parent dies, and then becomes the process itself.
    // A session of its own keeps the terminal's Ctrl-C away: the supervisor decides who stops when.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', this.spec.file, ...this.spec.args], {
      env: this.spec.env,
      detached: true,
      stdio: this.spec.hasChannel ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    this.isReady = false;
    if (child.pid !== undefined) {
      giveWay(child.pid, this.spec.niceness ?? 0);
      this.onPid(this.spec.name, child.pid);
    }
    child.on('message', (message) => {
      if (typeof message === 'object' && message !== null && 'ready' in message) this.markReady();
    });
    let hasEnded = false; // 'error' and 'exit' may both come
    const ended = (how: string) => {
      if (!hasEnded) this.ended(how);
      hasEnded = true;
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
  }

  private ended(how: string): void {
    this.child = null;
    if (this.isStopping) return;
    this.failures += 1;
    const delayMs = this.isReady ? readyBackOffMs : Math.min(longestBackOffMs, 500 * 2 ** (this.failures - 1));
    this.report(`${this.spec.name} ended (${how}); starting it again in ${delayMs} ms. See ${this.spec.logFile}.`);
    this.timer = setTimeout(() => this.start(), delayMs);
  }
}

function openLog(file: string): number {
  try {
    if (statSync(file).size > maxLogBytes) renameSync(file, `${file}.1`);
  } catch {
    // not there yet
  }
  return openSync(file, 'a', 0o600);
}

/** It goes on as it is where the kernel does not let it: that costs others some patience, and no more. */
function giveWay(pid: number, niceness: number): void {
  if (niceness === 0) return;
  try {
    setPriority(pid, niceness);
    // Where the kernel shares processors among sessions first, a process's own niceness counts within its session only.
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
  } catch {
    // Such as a kernel without groups of sessions.
  }
}
