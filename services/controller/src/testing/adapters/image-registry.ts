import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const registryFile = '/usr/bin/docker-registry';
/** Why it cannot start, or null. */
export const missingRegistry = existsSync(registryFile)
  ? null
  : 'Needs docker-registry: apt-get install docker-registry';

const imageType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

export type PushedImage = Readonly<{ index: string; image: string; provenance: string }>;

/** The real registry on loopback, which asks nobody who they are. */
export class ImageRegistry {
  private constructor(
    private readonly process: ChildProcess,
    private readonly home: string,
    readonly url: string,
  ) {}

  static async start(): Promise<ImageRegistry> {
    const home = await mkdtemp(path.join(tmpdir(), 'wherry-images-'));
    const config = {
      ...{ version: '0.1', http: { addr: '127.0.0.1:0' } },
      storage: { filesystem: { rootdirectory: path.join(home, 'images') }, delete: { enabled: true } },
    };
    await writeFile(path.join(home, 'config.json'), JSON.stringify(config));
    const child = spawn(registryFile, ['serve', path.join(home, 'config.json')], {
      ...{ env: { OTEL_TRACES_EXPORTER: 'none' }, stdio: ['ignore', 'ignore', 'pipe'] },
    });
    return new ImageRegistry(child, home, `http://${await addressOf(child)}`);
  }

  /** As a build does: an index with an image and its provenance, tagged. */
  async push(repository: string, tag: string, content: string): Promise<PushedImage> {
    const image = await this.manifest(repository, content);
    const provenance = await this.manifest(repository, `provenance of ${tag}`);
    const manifests = [image, provenance].map((digest) => ({ mediaType: imageType, size: 1, digest }));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
    await this.put(`/v2/${repository}/manifests/${tag}`, index, indexType);
    return { index: digestOf(index), image, provenance };
  }

  async has(repository: string, digest: string): Promise<boolean> {
    const accept = `${imageType}, ${indexType}`;
    return (await fetch(`${this.url}/v2/${repository}/manifests/${digest}`, { headers: { accept } })).ok;
  }

  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
    await rm(this.home, { recursive: true, force: true });
  }

  private async manifest(repository: string, content: string): Promise<string> {
    for (const blob of ['{}', content]) {
      const started = await fetch(`${this.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
      const upload = new URL(started.headers.get('location') ?? '', this.url);
      upload.searchParams.set('digest', digestOf(blob));
      await this.put(upload.href, blob, 'application/octet-stream');
    }
    const manifest = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: imageType },
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', size: 2, digest: digestOf('{}') },
      layers: [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar', size: content.length, digest: digestOf(content) },
      ],
    });
    await this.put(`/v2/${repository}/manifests/${digestOf(manifest)}`, manifest, imageType);
    return digestOf(manifest);
  }

  private async put(to: string, body: string, type: string): Promise<void> {
    const answer = await fetch(new URL(to, this.url), { method: 'PUT', body, headers: { 'content-type': type } });
    if (answer.status !== 201) throw new Error(`The registry answered ${answer.status} to a push.`);
  }
}

function digestOf(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

async function addressOf(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('docker-registry ended while starting.')));
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}
