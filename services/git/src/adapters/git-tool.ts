import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The CGI variables of one request to `git http-backend` that differ between requests. */
export type BackendRequest = Readonly<{
  method: 'GET' | 'POST';
  /** `/<tenant id>/<repository id>.git/<service>`, below the repositories' folder. */
  pathInfo: string;
  query: string;
  contentType: string;
  contentEncoding: string;
  protocol: string;
  /** Settings for this request only, by name. */
  settings: Readonly<Record<string, string>>;
}>;

/** A running backend. It ends by itself after `timeoutMs`, by `stop`, and with this process. */
export type Backend = Readonly<{
  stdin: Writable;
  stdout: Readable;
  /** When it ended: whether well, and the last of what it said on standard error, for operators. */
  ended: Promise<{ ok: boolean; complaint: string }>;
  stop: () => void;
}>;

/**
 * Settings of every git process, from here and not from a repository's own file, so that all repositories follow the
 * same rules whenever they were made. Nothing on this list runs code from a repository.
 */
const fixedSettings: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'http.receivepack': 'true',
  'receive.autogc': 'false',
  'receive.denyDeletes': 'false',
  'receive.denyNonFastForwards': 'false',
  // Builds fetch exactly the commit they were ordered to, which a later push may have left without a ref.
  'uploadpack.allowAnySHA1InWant': 'true',
  'uploadpack.allowReachableSHA1InWant': 'true',
  'pack.threads': '1',
  'pack.windowMemory': '64m',
  'gc.autoDetach': 'false',
  'gc.auto': '2000',
};

/** Runs git without a shell, in a closed environment. */
export class GitTool {
  private constructor(
    private readonly backendFile: string,
    /** Put before a command so that the kernel ends it when this process dies; empty where the tool is missing. */
    private readonly tie: readonly string[],
    private readonly repositoriesDir: string,
  ) {}

  /** @throws Error when git or its HTTP backend is not installed. */
  static async find(repositoriesDir: string): Promise<GitTool> {
    const options = { env: { PATH: path }, timeout: 10_000 };
    const found = await execute('git', ['--exec-path'], options).catch((cause: unknown) => {
      throw new Error('git is not installed: install it, then start again.', { cause });
    });
    const backendFile = join(found.stdout.trim(), 'git-http-backend');
    await access(backendFile, constants.X_OK).catch((cause: unknown) => {
      throw new Error(`git has no HTTP backend at ${backendFile}: install the full git package.`, { cause });
    });
    // TERM and not KILL: the backend passes it on to its own children before it ends.
    const tie = ['setpriv', '--pdeathsig', 'TERM', '--'];
    const [file = '', ...args] = [...tie, 'true'];
    const works = await execute(file, args, options).then(
      () => true,
      () => false,
    );
    return new GitTool(backendFile, works ? tie : [], repositoriesDir);
  }

  /** Starts `git http-backend` (CGI) for one request. */
  backend(request: BackendRequest, timeoutMs: number): Backend {
    const child = this.start([this.backendFile], this.repositoriesDir, {
      ...environment(request.settings),
      GIT_PROJECT_ROOT: this.repositoriesDir,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.protocol,
      PATH_INFO: request.pathInfo,
      REQUEST_METHOD: request.method,
      QUERY_STRING: request.query,
      CONTENT_TYPE: request.contentType,
      HTTP_CONTENT_ENCODING: request.contentEncoding,
      REMOTE_USER: 'wherry',
      REMOTE_ADDR: '127.0.0.1',
    });
    let complaint = '';
    child.stderr.on('data', (data: Buffer) => (complaint = (complaint + data.toString()).slice(-2000)));
    // A backend that refuses early closes its input: what happened is told by how it ends.
    child.stdin.on('error', () => undefined);
    const stop = (): void => void child.kill('SIGTERM');
    const timer = setTimeout(stop, timeoutMs);
    const ended = outcomeOf(child).then((ok) => {
      clearTimeout(timer);
      return { ok, complaint: complaint.trim() };
    });
    return { stdin: child.stdin, stdout: child.stdout, ended, stop };
  }

  /**
   * Runs one short git command in `directory` and gives its standard output, at most 16 MiB.
   * @throws Error when it fails, with what git said.
   */
  async run(
    directory: string,
    args: readonly string[],
    options: { timeoutMs: number; isPatient?: boolean },
  ): Promise<string> {
    const nice = options.isPatient === true ? ['nice', '-n', '15'] : [];
    const [file = '', ...rest] = [...this.tie, ...nice, 'git', ...args];
    const { stdout } = await execute(file, rest, {
      cwd: directory,
      env: environment({}),
      timeout: options.timeoutMs,
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  }

  private start(command: readonly string[], cwd: string, env: Record<string, string>) {
    const [file = '', ...args] = [...this.tie, ...command];
    return spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

function environment(settings: Readonly<Record<string, string>>): Record<string, string> {
  const all = Object.entries({ ...fixedSettings, ...settings });
  const configuration = all.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    PATH: path,
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(configuration),
  };
}

function outcomeOf(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}
