import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const module = join(import.meta.dirname, 'inherited-files.ts');

/** Descriptors of a program that is started by a Node process which was itself started with a descriptor 3. */
function seenByGrandchild(closes: boolean): string[] {
  const script = `
    import { spawnSync } from 'node:child_process';
    import { closeInheritedFiles } from ${JSON.stringify(module)};
    if (${closes}) closeInheritedFiles(null);
    console.log(spawnSync('/bin/sh', ['-c', 'echo /proc/$$/fd/*'], { encoding: 'utf8' }).stdout);`;
  const args = ['--input-type=module', '-e', script];
  const { stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  return stdout.toString().match(/(?<=\/fd\/)\d+/g) ?? [];
}

it('leaves nothing of who started the platform open in what the platform starts', () => {
  expect(seenByGrandchild(false)).toContain('3');
  expect(seenByGrandchild(true)).toEqual(['0', '1', '2']);
});
