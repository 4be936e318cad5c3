import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const module = join(import.meta.dirname, 'inherited-files.ts');

/** Node itself closes low ones: uv_disable_stdio_inheritance ends at the first that is not open above 15. */
const descriptor = 20;

/** Whether a program has the descriptor that is started by a Node process which was itself started with one. */
function reachesGrandchild(closes: boolean): boolean {
  const script = `
    import { spawnSync } from 'node:child_process';
    import { closeInheritedFiles } from ${JSON.stringify(module)};
    if (${closes}) closeInheritedFiles(null);
    console.log(spawnSync('/bin/sh', ['-c', 'test -e /proc/$$/fd/${descriptor} && echo open || echo closed']).stdout.toString());`;
  const args = ['--input-type=module', '-e', script];
  const between = Array.from({ length: descriptor - 3 }, () => 'ignore' as const);
  const { stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', ...between, 'pipe'] });
  expect(stdout.toString().trim()).toMatch(/^(open|closed)$/);
  return stdout.toString().trim() === 'open';
}

it('leaves nothing of who started the platform open in what the platform starts', () => {
  expect(reachesGrandchild(false)).toBe(true);
  expect(reachesGrandchild(true)).toBe(false);
});
