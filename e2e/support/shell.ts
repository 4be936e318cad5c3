import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** Runs commands as pasted in a terminal by somebody who has git and a name, and gives what is shown. */
export async function runInShell(commands: string): Promise<string> {
  const home = mkdtempSync(path.join(tmpdir(), 'wherry-shell-'));
  const person = ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'Ada'],
    [`GIT_${role}_EMAIL`, 'ada@wherry.invalid'],
  ]);
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, GIT_TERMINAL_PROMPT: '0' };
  try {
    const options = { cwd: home, env: { ...env, ...Object.fromEntries(person) } };
    const { stdout, stderr } = await promisify(execFile)('/bin/sh', ['-e', '-c', commands], options);
    return stdout + stderr;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
