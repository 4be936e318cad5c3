import { execa } from 'execa';

export type BuildctlOptions = Readonly<{
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  signal: AbortSignal;
  /** Given each line that it writes to standard error, which is where it tells its progress. */
  onLine: (line: string) => void;
}>;

/** How long it may take to tell the daemon that it stops. */
const patienceMs = 1_000;

/**
 * Runs BuildKit's client once, without a shell. Resolves when it has ended, to whether it succeeded: what failed is in
 * its lines.
 * @throws the signal's reason when that fires, Error when the client cannot be started.
 */
export async function runBuildctl(
  file: string,
  args: readonly string[],
  { env, cwd, signal, onLine }: BuildctlOptions,
): Promise<boolean> {
  const client = execa(file, args, {
    ...{ env, extendEnv: false, cwd, stdin: 'ignore', stdout: 'ignore', buffer: false, reject: false },
    ...{ cancelSignal: signal, forceKillAfterDelay: patienceMs },
  });
  for await (const line of client.iterable({ from: 'stderr' })) onLine(line);
  const { failed, exitCode, signal: killedBy, code } = await client;
  signal.throwIfAborted();
  const isStarted = exitCode !== undefined || killedBy !== undefined;
  if (!isStarted) throw new Error(`buildctl cannot be started (${code}): ${file}`);
  return !failed;
}
