import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { firstPidDescriptor } from '@wherry/sandbox';
import { SandboxEnd } from './sandbox-end';

export type RunOptions = Readonly<{
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  signal: AbortSignal;
  /** How the tool is ended when the signal fires; a tool that has children of its own gets to end them by SIGTERM. */
  killSignal: 'SIGTERM' | 'SIGKILL';
  onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
  /** The tool is a sandbox rendered with `tellsFirstPid`: the result comes when nothing inside runs any more. */
  isSandbox?: boolean;
}>;
export type RunResult =
  | Readonly<{ ok: true }>
  | Readonly<{ ok: false; reason: 'exit'; exitCode: number }>
  | Readonly<{ ok: false; reason: 'killed' | 'cancelled' }>
  | Readonly<{ ok: false; reason: 'spawn'; code: string }>;

/**
 * Runs one tool without a shell. Failing is a value, not an exception. `killed` is a signal that was not ours, for
 * example from the out-of-memory killer. node:child_process and not execa, as for buildctl: a sandbox tells of its end
 * through a descriptor and a process of its own, and local builds, which are short, do not load what only images need.
 */
export function runTool(file: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  if (options.signal.aborted) return Promise.resolve({ ok: false, reason: 'cancelled' });
  return new Promise((resolve) => {
    const child = start(file, args, options);
    const firstPid = child.stdio[firstPidDescriptor as number] as Readable | undefined;
    const sandboxEnd = firstPid ? new SandboxEnd(firstPid) : null;
    let hardKill: NodeJS.Timeout | undefined;
    const end = (): void => {
      child.kill(options.killSignal);
      sandboxEnd?.kill();
      // A tool that does not listen, or leaves someone behind who holds its output open, must not hold up the cancel.
      hardKill = setTimeout(() => {
        child.kill('SIGKILL');
        child.stdout.destroy();
        child.stderr.destroy();
      }, 1_000);
    };
    options.signal.addEventListener('abort', end, { once: true });
    const settle = async (result: RunResult): Promise<void> => {
      // Its number may have become known only after the signal.
      if (options.signal.aborted) sandboxEnd?.kill();
      await sandboxEnd?.wait();
      clearTimeout(hardKill);
      options.signal.removeEventListener('abort', end);
      resolve(options.signal.aborted ? { ok: false, reason: 'cancelled' } : result);
    };
    child.stdout.on('data', (chunk: Buffer) => options.onOutput('stdout', chunk));
    child.stderr.on('data', (chunk: Buffer) => options.onOutput('stderr', chunk));
    child.on(
      'error',
      (error: NodeJS.ErrnoException) => void settle({ ok: false, reason: 'spawn', code: error.code ?? 'unknown' }),
    );
    child.on('close', (exitCode, signal) => {
      if (signal !== null || exitCode === null) void settle({ ok: false, reason: 'killed' });
      else void settle(exitCode === 0 ? { ok: true } : { ok: false, reason: 'exit', exitCode });
    });
  });
}

function start(
  file: string,
  args: readonly string[],
  options: RunOptions,
): ChildProcessByStdio<null, Readable, Readable> {
  const { env, cwd, isSandbox } = options;
  // Nothing between standard error and the one descriptor more.
  const unused = Array.from({ length: firstPidDescriptor - 3 }, () => 'ignore' as const);
  const more = isSandbox ? [...unused, 'pipe' as const] : [];
  const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe', ...more] });
  return child as ChildProcessByStdio<null, Readable, Readable>;
}
