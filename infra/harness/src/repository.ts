import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type PushResult = Readonly<{ isAccepted: boolean; output: string }>;

/** A working copy that is pushed with the real git. */
export class Repository {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'wherry-repo-'));

  private constructor(
    readonly name: string,
    private readonly remote: string,
  ) {}

  static async create(gitUrl: string, name: string): Promise<Repository> {
    const repository = new Repository(name, `${gitUrl}/${name}.git`);
    await repository.git('init', '--quiet', '--initial-branch=main');
    return repository;
  }

  /** Writes files (path → content) and commits everything; an unchanged tree is committed too. Gives the commit's id. */
  async commit(files: Readonly<Record<string, string | Uint8Array>>, message = 'Change'): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(this.folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
    }
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', message);
    return (await this.git('rev-parse', 'HEAD')).stdout.trim();
  }

  /** Copies a folder's content into the working copy. */
  copy(folder: string): void {
    cpSync(folder, this.folder, { recursive: true });
  }

  /** `git push`; refusal is a value. `output` is what a person sees in the terminal. */
  async push(...args: string[]): Promise<PushResult> {
    try {
      const { stdout, stderr } = await this.git('push', ...(args.length > 0 ? args : [this.remote, 'HEAD:main']));
      return { isAccepted: true, output: stdout + stderr };
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      return { isAccepted: false, output: `${stdout ?? ''}${stderr ?? String(error)}` };
    }
  }

  get remoteUrl(): string {
    return this.remote;
  }

  git(...args: string[]): Promise<{ stdout: string; stderr: string }> {
    return run('git', args, {
      cwd: this.folder,
      timeout: 600_000,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: this.folder,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_TERMINAL_PROMPT: '0',
        GIT_AUTHOR_NAME: 'Test',
        GIT_AUTHOR_EMAIL: 'test@wherry.invalid',
        GIT_COMMITTER_NAME: 'Test',
        GIT_COMMITTER_EMAIL: 'test@wherry.invalid',
      },
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
