import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { makeIdentity, type MadeIdentity } from '../make-certificates';

export const registryFile = '/usr/bin/docker-registry';
const root = path.join(import.meta.dirname, '../../../../..');

/** Why the fixture cannot start, or null. */
export const missing = existsSync(registryFile) ? null : 'Needs docker-registry: apt-get install docker-registry';

export const service = 'wherry-registry';
export const tokenIssuer = 'wherry-registry-token';

/** The real registry and the real token service as processes on loopback, with keys and storage of their own. */
export class RegistryFixture {
  readonly worker = generateKeyPairSync('ed25519');
  readonly controller = generateKeyPairSync('ed25519');
  identity!: MadeIdentity;
  registryUrl!: string;
  tokenUrl!: string;
  tokenService!: ChildProcess;
  private registry!: ChildProcess;
  private bundle!: string;

  private constructor(private readonly home: string) {}

  static async start(): Promise<RegistryFixture> {
    const fixture = new RegistryFixture(await mkdtemp(path.join(tmpdir(), 'wherry-registry-')));
    const hour = 3_600_000;
    fixture.identity = await makeIdentity(new Date(Date.now() - hour), new Date(Date.now() + hour));
    fixture.bundle = await buildRegistry();
    await fixture.startTokenService();
    await fixture.startRegistry();
    return fixture;
  }

  /** Starts the token service; `more` replaces variables. It ends by itself when they are wrong. */
  async spawnTokenService(more: Record<string, string> = {}): Promise<ChildProcess> {
    const env = {
      WHERRY_REGISTRY_TOKEN_PORT: '0',
      WHERRY_REGISTRY_SIGNING_KEY_FILE: await this.file('signing.key', this.identity.keyPem),
      WHERRY_REGISTRY_SIGNING_CERTIFICATE_FILE: await this.file('signing.crt', this.identity.certificatePem),
      WHERRY_REGISTRY_WORKER_KEYS_FILE: await this.file('worker.pub', pem(this.worker.publicKey)),
      WHERRY_REGISTRY_CONTROLLER_KEYS_FILE: await this.file('controller.pub', pem(this.controller.publicKey)),
    };
    return spawn(process.execPath, [this.bundle], {
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
  }

  async file(name: string, content: string): Promise<string> {
    const file = path.join(this.home, name);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  }

  /** The digest that a tag leads to in the registry's storage; null when there is no such tag. */
  async digestOf(repository: string, tag: string): Promise<string | null> {
    const place = `images/docker/registry/v2/repositories/${repository}/_manifests/tags/${tag}/current/link`;
    return readFile(path.join(this.home, place), 'utf8').catch(() => null);
  }

  async stop(): Promise<void> {
    for (const child of [this.registry, this.tokenService]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await rm(this.home, { recursive: true, force: true });
    await rm(this.bundle, { force: true });
  }

  private async startTokenService(): Promise<void> {
    this.tokenService = await this.spawnTokenService();
    this.tokenService.stdout?.resume();
    const [message] = (await once(this.tokenService, 'message')) as [{ port: number }];
    this.tokenUrl = `http://127.0.0.1:${message.port}/token`;
  }

  private async startRegistry(): Promise<void> {
    const token = { realm: this.tokenUrl, service, issuer: tokenIssuer };
    const rootcertbundle = await this.file('root.crt', this.identity.rootPem);
    // JSON is YAML.
    const config = JSON.stringify({
      version: '0.1',
      log: { level: 'info', formatter: 'json' },
      storage: { filesystem: { rootdirectory: path.join(this.home, 'images') }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0', secret: 'for tests' },
      auth: { token: { ...token, rootcertbundle } },
    });
    this.registry = spawn(registryFile, ['serve', await this.file('config.yml', config)], {
      env: { OTEL_TRACES_EXPORTER: 'none' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.registryUrl = await listening(this.registry);
  }
}

/** Bundles the process; the caller removes the file. */
export async function buildRegistry(): Promise<string> {
  // Beside the sources, so that packages are found.
  const outfile = path.join(root, `node_modules/.cache/registry-${randomUUID()}.mjs`);
  await build({
    ...{ entryPoints: [path.join(root, 'services/registry/src/main.ts')], outfile, bundle: true },
    ...{ format: 'esm', platform: 'node', packages: 'external', logLevel: 'error' },
    tsconfig: path.join(root, 'tsconfig.base.json'),
  });
  return outfile;
}

/** Waits for the line of the registry's log that tells its address, and reads on so that its pipe never fills. */
export async function listening(registry: ChildProcess): Promise<string> {
  if (registry.stderr === null) throw new Error('The registry has no output.');
  const lines: string[] = [];
  return await new Promise((resolve, reject) => {
    registry.once('exit', () => reject(new Error(`docker-registry ended while starting:\n${lines.join('\n')}`)));
    createInterface({ input: registry.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      lines.push(line);
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) resolve(`http://${address}`);
    });
  });
}

export function pem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}
