import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { World } from './world';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** Bundles the gateway as it is shipped. Inside the checkout, because its packages are found from there. */
export async function bundleGateway(): Promise<{ file: string; remove: () => Promise<void> }> {
  const file = join(root, 'dist', 'test', `gateway-${process.pid}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: ['services/gateway/src/main.ts'],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    tsconfig: 'tsconfig.base.json',
  });
  return { file, remove: () => rm(file, { force: true }) };
}

/** A gateway as a process of its own, which can be killed. */
export class GatewayProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly healthPort: number | null,
    private readonly output: string[],
  ) {}

  /** Returns when it says that it is ready. The journal and the id are the same each time. */
  static async start(file: string, world: World, changes: Record<string, string> = {}): Promise<GatewayProcess> {
    const secret = async (name: string, value: string): Promise<string> => {
      const path = join(world.folder, name);
      await writeFile(path, `${value}\n`, { mode: 0o600 });
      return path;
    };
    await mkdir(world.folder, { recursive: true });
    const output: string[] = [];
    const child = spawn(process.execPath, [file], {
      env: {
        WHERRY_DATABASE_URL_FILE: await secret('db.url', world.database.url('wherry_gateway')),
        WHERRY_GATEWAY_PORT: '0',
        WHERRY_GATEWAY_ID: 'gw1',
        WHERRY_APPS_DOMAIN: 'localhost',
        WHERRY_JOURNAL_DIR: join(world.folder, 'journal'),
        WHERRY_PROBE_KEY_FILE: await secret('probe.key', 'probe key'),
        ...changes,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => output.push(String(text)));
    // 'close', not 'exit': by then all that it said has arrived.
    const ended = once(child, 'close').then(() => {
      throw new Error(`The gateway ended before it was ready:\n${output.join('')}`);
    });
    const [ready] = (await Promise.race([once(child, 'message'), ended])) as [
      { port: number; healthPort: number | null },
    ];
    ended.catch(() => undefined);
    return new GatewayProcess(child, ready.port, ready.healthPort, output);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = (await exited) as [number | null];
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`It ended with ${code}:\n${this.output.join('')}`);
    return code;
  }
}
