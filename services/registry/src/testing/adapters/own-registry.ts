import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listening, registryFile } from './registry-fixture';

/** The only login of the registry; the password is one that is easily cut in two. */
export const ownLogin = { user: 'robot', password: 'pass:word' } as const;
/** The password as the registry's file has it: bcrypt of a small cost, so that tests do not wait for it. */
const passwordHash = '$2y$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki';

/** A registry as an operator may have one: the real one on loopback, without a token service, with one login. */
export class OwnRegistry {
  private constructor(
    private readonly home: string,
    private readonly registry: ChildProcess,
    readonly registryUrl: string,
  ) {}

  static async start(): Promise<OwnRegistry> {
    const home = await mkdtemp(path.join(tmpdir(), 'wherry-own-registry-'));
    const logins = path.join(home, 'logins');
    await writeFile(logins, `${ownLogin.user}:${passwordHash}\n`);
    const config = path.join(home, 'config.yml');
    // JSON is YAML.
    const settings = {
      version: '0.1',
      storage: { filesystem: { rootdirectory: path.join(home, 'images') } },
      http: { addr: '127.0.0.1:0', secret: 'for tests' },
      auth: { htpasswd: { realm: 'own', path: logins } },
    };
    await writeFile(config, JSON.stringify(settings));
    const registry = spawn(registryFile, ['serve', config], {
      ...{ env: { OTEL_TRACES_EXPORTER: 'none' }, stdio: ['ignore', 'ignore', 'pipe'] },
    });
    return new OwnRegistry(home, registry, await listening(registry));
  }

  async stop(): Promise<void> {
    const exited = once(this.registry, 'exit');
    this.registry.kill('SIGKILL');
    await exited;
    await rm(this.home, { recursive: true, force: true });
  }
}
