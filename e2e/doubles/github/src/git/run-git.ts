import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The settings of whoever runs the tests must not show in a commit. */
export const gitEnvironment = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  LC_ALL: 'C.UTF-8',
};

/** Runs one git command in a bare repository. @throws Error with what git wrote when it fails. */
export async function runGit(
  folder: string,
  args: readonly string[],
  input: string | Buffer = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const child = spawn('git', args, { cwd: folder, env: { ...gitEnvironment, ...env }, stdio: 'pipe' });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (part: Buffer) => out.push(part));
  child.stderr.on('data', (part: Buffer) => err.push(part));
  // git may end before it has read its input.
  child.stdin.on('error', () => {}).end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${Buffer.concat(err).toString('utf8').trim()}`);
  return Buffer.concat(out);
}
