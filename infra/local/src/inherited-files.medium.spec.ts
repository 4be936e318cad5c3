import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const module = join(import.meta.dirname, 'inherited-files.ts');

/** Whether a program has descriptor 3 that is started by a Node process which was itself started with one. */
function reachesGrandchild(closes: boolean): boolean {
  const script = `
    import { spawnSync } from 'node:child_process';
    import { closeInheritedFiles } from ${JSON.stringify(module)};
    if (${closes}) closeInheritedFiles(null);
    console.log(spawnSync('/bin/sh', ['-c', 'test -e /proc/$$/fd/3 && echo open || echo closed']).stdout.toString());`;
  const args = ['--input-type=module', '-e', script];
  const { stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  expect(stdout.toString().trim()).toMatch(/^(open|closed)$/);
  return stdout.toString().trim() === 'open';
}

it('leaves nothing of who started the platform open in what the platform starts', () => {
  expect(reachesGrandchild(false)).toBe(true);
  expect(reachesGrandchild(true)).toBe(false);
});
