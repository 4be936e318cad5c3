import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildOrder } from '@wherry/contract';
import { asNoRoom, BuildFailure } from '../build-failure';
import { checkedSource, type SourceEntry } from '../source-tree';
import { runTool, type RunResult } from './run-tool';

/** A listing longer than this is of a tree made to be long. */
const maxListingBytes = 16 * 2 ** 20;

type FetchOptions = Readonly<{ signal: AbortSignal; path: string; onLine: (text: string) => void }>;

/**
 * Fetches exactly one commit and writes its files into `<work>/source`. Nothing of the repository runs: no hooks, no
 * filters, no large-file smudging, no submodules, and no configuration of the machine's user.
 * @returns the commit's entries, checked; links among them are not yet followed.
 */
export async function fetchSource(
  order: BuildOrder,
  options: FetchOptions,
): Promise<Readonly<{ folder: string; entries: readonly SourceEntry[] }>> {
  const { commitSha, url } = order.source;
  const gitDir = join(order.paths.work, 'git');
  const folder = join(order.paths.work, 'source');
  // A builder that was killed may have been here before.
  for (const leftover of [gitDir, folder]) await rm(leftover, { recursive: true, force: true });
  await makeRepository(gitDir);
  await mkdir(folder);
  const git = new Git(gitDir, folder, order, options);
  await git.runPatiently(
    ['fetch', '--quiet', '--depth', '1', '--no-tags', '--no-recurse-submodules', url, commitSha],
    fetchHelp,
  );
  const head = (await readFile(join(gitDir, 'FETCH_HEAD'), 'utf8')).slice(0, 40);
  if (head !== commitSha)
    throw new BuildFailure(`The remote answered with another commit than ${commitSha}. Push again.`);
  const listing = await git.run(['ls-tree', '-r', '-l', '-z', commitSha], 'The files of the commit cannot be listed.');
  const entries = checkedSource(listing, order.limits.checkoutMiB);
  await git.run(['read-tree', '--reset', '-u', commitSha], 'The files of the commit cannot be written.');
  return { folder, entries };
}

const fetchHelp =
  'The commit cannot be fetched. Push again; if it stays so, ask the operator whether the remote can be reached.';

const goneHelp =
  'The commit is not on the remote any more: another push has replaced it, or its branch was deleted. Push again.';
/** What git says of a remote that has no such commit. */
const gone = /not our ref|unadvertised object|remote ref .* not found|couldn't find remote ref/i;

/** What git says of a remote that is being started again; its other complaints would come again. */
const passing =
  /failed to connect|could(n't| not) connect|connection (refused|reset)|recv failure|empty reply|returned error: 5\d\d|unexpected disconnect|early EOF|hung up|RPC failed/i;
/** A platform that starts again takes seconds. */
const patienceMs = 30_000;
const longestPauseMs = 2_000;

/** What `git init` would make, without starting it: a process less in every build. */
async function makeRepository(gitDir: string): Promise<void> {
  await mkdir(join(gitDir, 'objects'), { recursive: true, mode: 0o700 });
  await mkdir(join(gitDir, 'refs'));
  await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n');
  const config = [
    ...['[core]', 'repositoryformatversion = 0', 'hooksPath = /dev/null', 'fsync = none', 'symlinks = true'],
    ...['[gc]', 'auto = 0', '[maintenance]', 'auto = false', '[protocol]', 'version = 2'],
    // A redirect could carry the credential to somebody else.
    ...['[http]', 'followRedirects = false', '[submodule]', 'recurse = false'],
  ];
  await writeFile(join(gitDir, 'config'), `${config.join('\n')}\n`);
}

class Git {
  private readonly env: Readonly<Record<string, string>>;

  constructor(
    private readonly gitDir: string,
    private readonly folder: string,
    order: BuildOrder,
    private readonly options: FetchOptions,
  ) {
    const basic = Buffer.from(`x-access-token:${order.source.token}`).toString('base64');
    this.env = {
      PATH: options.path,
      HOME: order.paths.work,
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ALLOW_PROTOCOL: 'http:https',
      GIT_LFS_SKIP_SMUDGE: '1',
      // In the environment, which only one's own user can read; argv can be read by everyone on the machine.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `http.${order.source.url}.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
    };
  }

  /** The standard output. @throws BuildFailure with `help` and git's own last words. */
  async run(args: readonly string[], help: string): Promise<string> {
    const { result, output, errors } = await this.attempt(args);
    if (!result.ok) throw this.failureOf(result, help, errors);
    return output;
  }

  /** As `run`, but tries again for a while when the remote does not answer. */
  async runPatiently(args: readonly string[], help: string): Promise<string> {
    let waitedMs = 0;
    for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const { result, output, errors } = await this.attempt(args);
      if (result.ok) return output;
      if (result.reason !== 'exit' || !passing.test(errors) || waitedMs >= patienceMs)
        throw this.failureOf(result, help, errors);
      if (waitedMs === 0) this.options.onLine('The remote does not answer now; trying again.');
      // Cancelled while it waits: the next attempt ends at once, with the reason.
      await sleep(pauseMs, null, { signal: this.options.signal }).catch(() => undefined);
      waitedMs += pauseMs;
    }
  }

  private async attempt(
    args: readonly string[],
  ): Promise<Readonly<{ result: RunResult; output: string; errors: string }>> {
    const output: Buffer[] = [];
    let bytes = 0;
    let errors = '';
    const result = await runTool('git', [`--git-dir=${this.gitDir}`, `--work-tree=${this.folder}`, ...args], {
      env: this.env,
      cwd: this.folder,
      signal: this.options.signal,
      killSignal: 'SIGTERM',
      onOutput: (stream, chunk) => {
        if (stream === 'stderr') errors = (errors + chunk.toString('utf8')).slice(-4_096);
        else if ((bytes += chunk.length) <= maxListingBytes) output.push(chunk);
      },
    });
    if (bytes > maxListingBytes) throw new BuildFailure('The commit has too many files. Make the repository smaller.');
    return { result, output: Buffer.concat(output).toString('utf8'), errors };
  }

  private failureOf(result: Exclude<RunResult, { ok: true }>, help: string, errors: string): unknown {
    if (result.reason === 'cancelled') return this.options.signal.reason;
    if (result.reason === 'spawn')
      return new BuildFailure(`git cannot be started (${result.code}): apt-get install git.`);
    for (const line of errors.split('\n')) if (line.trim() !== '') this.options.onLine(line);
    return asNoRoom(errors) ?? new BuildFailure(gone.test(errors) ? goneHelp : help);
  }
}
