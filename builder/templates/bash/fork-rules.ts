import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { flag, readLimits, type Limits } from '../../watchdog/limits';

type Environment = Readonly<Record<string, string | undefined>>;

/** How each request is answered by a program. */
export type ForkRules = Readonly<{
  limits: Limits;
  program: string;
  args: readonly string[];
  cwd: string;
  /** What every program is given; the request's variables come on top. */
  env: Environment;
  /**
   * How long output is held back, so that the exit code can still become the status: until the program has ended, until
   * so many bytes, or so many milliseconds after the first byte (null: for any time).
   */
  hold: Readonly<{ bytes: number; ms: number | null }>;
  /** Null: the request's. */
  contentType: string | null;
  /** Whether standard error goes into the reply as well. */
  isCombined: boolean;
  /** Whether what is sent is written to the log as well. */
  isDebug: boolean;
  hasCgi: boolean;
}>;

const holds = {
  /** Nothing is sent before the program has ended, unless it would take too much memory. */
  classic: { bytes: 32 * 2 ** 20, ms: null },
  /** A program that goes on writing for half a second, or writes much, is taken for one that streams. */
  auto: { bytes: 2 ** 20, ms: 500 },
  streaming: { bytes: 0, ms: 0 },
} as const;

/**
 * Reads the environment, with OpenFaaS' names.
 * @param folder the function's own folder, where the program runs.
 * @throws Error with a sentence for the developer when `mode` is unknown or the program cannot be started.
 */
export function readForkRules(env: Environment, folder: string): ForkRules {
  const command = env.fprocess || env.function_process || './handler.sh';
  const [name = '', ...args] = command.split(' ').filter((part) => part !== '');
  const { WHERRY_LISTEN: _socket, ...inherited } = env;
  return {
    limits: readLimits(env),
    program: findProgram(name, folder, env.PATH ?? '/usr/bin:/bin'),
    args,
    cwd: folder,
    env: inherited,
    hold: holdOf(env.mode),
    contentType: env.content_type || null,
    isCombined: flag(env.combine_output, false),
    isDebug: flag(env.write_debug, false),
    hasCgi: flag(env.cgi_headers, true),
  };
}

function holdOf(mode: string | undefined): ForkRules['hold'] {
  if (!mode || mode === 'auto') return holds.auto;
  if (mode === 'classic' || mode === 'serializing') return holds.classic;
  if (mode === 'streaming') return holds.streaming;
  throw new Error(`The mode "${mode}" does not exist here. Use classic or streaming, or leave it out.`);
}

/** A function whose program is missing must not become live, so it is looked for once, at the start. */
function findProgram(name: string, folder: string, searchPath: string): string {
  const isPath = name.includes('/');
  const files = isPath ? [path.resolve(folder, name)] : searchPath.split(':').map((dir) => path.join(dir, name));
  const found = files.find((file) => isExecutable(file));
  if (found) return found;
  throw new Error(
    isPath
      ? `fprocess starts "${name}", which is no executable file of the function. Add it, or correct fprocess.`
      : `fprocess starts "${name}", which is not installed on this machine (PATH is ${searchPath}). Have it installed, or bring it along in the function's folder.`,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
