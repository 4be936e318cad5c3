import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

const run = promisify(execFile);

/** What an example needs that npm does not bring: `example.yml` in its folder. */
type Needs = Readonly<{
  needs?: readonly Readonly<{ command: readonly string[]; prints?: string; install: string }>[];
}>;

/** `skipped` says which command installs what is missing. */
export type ExampleResult = Readonly<{ name: string; outcome: 'pushed' | 'skipped' | 'failed'; detail: string }>;

/**
 * Pushes every bundled example with the real git, one repository each. The commit is the same each time (fixed author and
 * date), so a second push finds everything up to date.
 */
export async function pushExamples(examplesDir: string, gitUrl: string): Promise<ExampleResult[]> {
  const results: ExampleResult[] = [];
  for (const name of readdirSync(examplesDir).sort()) {
    const folder = path.join(examplesDir, name);
    const missing = await missingTool(folder);
    if (missing === undefined) continue; // not an example
    results.push(missing === null ? await push(folder, name, gitUrl) : { name, outcome: 'skipped', detail: missing });
  }
  return results;
}

/** undefined: the folder is no example; null: nothing is missing; else the sentence that says what to install. */
async function missingTool(folder: string): Promise<string | null | undefined> {
  let needs: Needs;
  try {
    needs = (parse(readFileSync(path.join(folder, 'example.yml'), 'utf8')) ?? {}) as Needs;
  } catch {
    return undefined;
  }
  for (const need of needs.needs ?? []) {
    const [file, ...args] = need.command;
    try {
      const { stdout } = await run(file ?? '', args, {
        timeout: 20_000,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      });
      if (need.prints && !stdout.includes(need.prints)) throw new Error('another program of that name');
    } catch {
      return `It needs ${file}. Install it with: ${need.install}`;
    }
  }
  return null;
}

async function push(folder: string, name: string, gitUrl: string): Promise<ExampleResult> {
  const work = mkdtempSync(path.join(tmpdir(), 'wherry-example-'));
  const date = '2026-01-01T00:00:00Z';
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: work,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Wherry',
    GIT_AUTHOR_EMAIL: 'examples@wherry.invalid',
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: 'Wherry',
    GIT_COMMITTER_EMAIL: 'examples@wherry.invalid',
    GIT_COMMITTER_DATE: date,
  };
  const git = (...args: string[]) =>
    run('git', args, { cwd: work, env, timeout: 300_000, maxBuffer: 16 * 1024 * 1024 });
  try {
    cpSync(folder, work, { recursive: true, filter: (file) => !file.endsWith(`${path.sep}node_modules`) });
    await git('init', '--quiet', '--initial-branch=main');
    await git('add', '--all');
    await git('commit', '--quiet', '--message', `Example ${name}`);
    const { stderr } = await git('push', '--force', `${gitUrl}/${name}.git`, 'main');
    return { name, outcome: /remote:.*\b(failed|cancelled)\b/i.test(stderr) ? 'failed' : 'pushed', detail: stderr };
  } catch (error) {
    return { name, outcome: 'failed', detail: String((error as { stderr?: string }).stderr ?? error) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
