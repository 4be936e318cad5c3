import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../../../../', import.meta.url));

/** Bundles the api, or another entry of it, as it is shipped. Inside the checkout: its packages are found from there. */
export async function bundleApi(entry = 'main.ts'): Promise<{ file: string; remove: () => Promise<void> }> {
  const file = join(root, 'dist', 'test', `api-${entry.replaceAll('/', '-')}-${process.pid}.mjs`);
  await build({
    ...{ absWorkingDir: root, entryPoints: [`services/api/src/${entry}`], outfile: file, bundle: true },
    ...{ platform: 'node', format: 'esm', packages: 'external', tsconfig: 'tsconfig.base.json' },
  });
  return { file, remove: () => rm(file, { force: true }) };
}

export type ApiProcess = Readonly<{ child: ChildProcess; output: () => string; ended: Promise<number | null> }>;

/** The api as a process of its own, with nothing but these variables. */
export function spawnApi(file: string, env: Readonly<Record<string, string>>): ApiProcess {
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => output.push(String(text)));
  // 'close', not 'exit': by then all that it said has arrived.
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, output: () => output.join(''), ended };
}

/** Waits for the word of a started process. @throws with its output when it ends before. */
export async function untilReady({ child, output, ended }: ApiProcess): Promise<void> {
  const early = ended.then(() => Promise.reject(new Error(`The api ended before it was ready:\n${output()}`)));
  early.catch(() => undefined);
  await Promise.race([once(child, 'message'), early]);
}
