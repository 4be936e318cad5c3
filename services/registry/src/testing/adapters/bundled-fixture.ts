import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { buildRegistry, pem, registryFile, service } from './registry-fixture';

type Ready = { port: number; registryPort: number; healthPort: number; pid: number };

/** The process as the registry's container runs it, with a data folder of its own that outlives it. */
export class BundledFixture {
  readonly worker = generateKeyPairSync('ed25519');
  readonly controller = generateKeyPairSync('ed25519');
  readonly lines: string[] = [];
  registryUrl!: string;
  tokenUrl!: string;
  healthUrl!: string;
  /** The registry's own process. */
  pid!: number;
  process!: ChildProcess;

  private constructor(
    readonly home: string,
    private readonly bundle: string,
  ) {}

  static async make(): Promise<BundledFixture> {
    const fixture = new BundledFixture(await mkdtemp(path.join(tmpdir(), 'wherry-images-')), await buildRegistry());
    await fixture.file('worker.pub', pem(fixture.worker.publicKey));
    await fixture.file('controller.pem', fixture.controller.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    return fixture;
  }

  get dataDir(): string {
    return path.join(this.home, 'data');
  }

  async file(name: string, content: string | Buffer): Promise<string> {
    await writeFile(path.join(this.home, name), content, { mode: 0o600 });
    return path.join(this.home, name);
  }

  /** A path in the registry's own storage. */
  stored(relative: string): string {
    return path.join(this.dataDir, 'images/docker/registry/v2', relative);
  }

  async start(more: Record<string, string> = {}): Promise<void> {
    this.process = await this.spawn(more);
    const [message] = (await once(this.process, 'message')) as [Ready];
    this.registryUrl = `${this.scheme(more)}://127.0.0.1:${message.registryPort}`;
    this.tokenUrl = `${this.scheme(more)}://127.0.0.1:${message.port}/token`;
    this.healthUrl = `http://127.0.0.1:${message.healthPort}`;
    this.pid = message.pid;
  }

  /** In a process group of its own: it ends as a container does, all at once. */
  async spawn(more: Record<string, string> = {}): Promise<ChildProcess> {
    const port = String(await freePort());
    const child = spawn(process.execPath, [this.bundle], {
      env: {
        WHERRY_REGISTRY_BINARY: registryFile,
        WHERRY_REGISTRY_DATA_DIR: this.dataDir,
        WHERRY_REGISTRY_PORT: '0',
        WHERRY_REGISTRY_TOKEN_PORT: port,
        WHERRY_REGISTRY_REALM: `${this.scheme(more)}://127.0.0.1:${port}/token`,
        WHERRY_REGISTRY_SERVICE: service,
        WHERRY_REGISTRY_WORKER_KEYS_FILE: path.join(this.home, 'worker.pub'),
        WHERRY_REGISTRY_CONTROLLER_KEYS_FILE: path.join(this.home, 'controller.pem'),
        WHERRY_REGISTRY_PAUSE_SECONDS: '0',
        WHERRY_HEALTH_PORT: '0',
        WHERRY_HEALTH_HOST: '127.0.0.1',
        ...more,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    return child;
  }

  /** The registry, as a program whose collections wait until `letCollect`. */
  async slowBinary(): Promise<string> {
    const [file, go] = [path.join(this.home, 'slow-registry'), path.join(this.home, 'go')];
    const wait = `[ "$1" = garbage-collect ] && while [ ! -e ${go} ]; do /bin/sleep 0.05; done`;
    await writeFile(file, `#!/bin/sh\n${wait}\nexec ${registryFile} "$@"\n`, { mode: 0o755 });
    return file;
  }

  /** The registry, as a program whose collections fail. */
  async failingBinary(): Promise<string> {
    const file = path.join(this.home, 'failing-registry');
    const fail = '[ "$1" = garbage-collect ] && echo "no space left" >&2 && exit 1';
    await writeFile(file, `#!/bin/sh\n${fail}\nexec ${registryFile} "$@"\n`, { mode: 0o755 });
    return file;
  }

  async letCollect(): Promise<void> {
    await writeFile(path.join(this.home, 'go'), '');
  }

  /** As when a container is killed. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    process.kill(-Number(this.process.pid), 'SIGKILL');
    await exited;
  }

  async end(): Promise<unknown[]> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    return await exited;
  }

  async close(): Promise<void> {
    if (this.process) await this.kill();
    await rm(this.home, { recursive: true, force: true });
    await rm(this.bundle, { force: true });
  }

  private scheme(more: Record<string, string>): string {
    return more.WHERRY_REGISTRY_TLS_KEY_FILE === undefined ? 'http' : 'https';
  }
}

/** The address of the token service is in the registry's configuration, so it is chosen before. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
