import { createHash } from 'node:crypto';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

/** Speaks to a registry as Docker's clients do: asks, shows the login as the challenge says, asks again. */
export class DockerClient {
  constructor(
    private readonly registryUrl: string,
    /** Null for somebody without any. */
    private readonly credential: string | null,
    private readonly user = 'wherry',
  ) {}

  /** The status of the registry's answer, or of the token service's when that refuses. */
  async ask(method: string, path: string, body?: string, type = 'application/octet-stream'): Promise<Response> {
    const url = new URL(path, this.registryUrl);
    const send = (headers: Record<string, string>) =>
      fetch(url, {
        method,
        body: body ?? null,
        headers: { 'content-type': type, accept: `${manifestType}, ${indexType}`, ...headers },
      });
    const first = await send({});
    const challenge = first.headers.get('www-authenticate');
    if (first.status !== 401 || challenge === null) return first;
    const basic = Buffer.from(`${this.user}:${this.credential}`).toString('base64');
    if (challenge.startsWith('Basic ')) return await send({ authorization: `Basic ${basic}` });
    const [realm, service, scope] = ['realm', 'service', 'scope'].map(
      (key) => new RegExp(`${key}="([^"]*)"`).exec(challenge)?.[1] ?? '',
    );
    const tokenUrl = new URL(String(realm));
    tokenUrl.searchParams.set('service', String(service));
    if (scope !== '') tokenUrl.searchParams.set('scope', String(scope));
    const answer = await fetch(tokenUrl, {
      headers: this.credential === null ? {} : { authorization: `Basic ${basic}` },
    });
    if (!answer.ok) return answer;
    const { token } = (await answer.json()) as { token: string };
    return await send({ authorization: `Bearer ${token}` });
  }

  async status(method: string, path: string, body?: string, type?: string): Promise<number> {
    return (await this.ask(method, path, body, type)).status;
  }

  /** Pushes an image of one small layer. @returns its digest. @throws Error with the status that refused it. */
  async push(repository: string, tag: string, content = 'layer'): Promise<string> {
    const manifest = await this.manifest(repository, content);
    demand(await this.ask('PUT', `/v2/${repository}/manifests/${tag}`, manifest, manifestType), 201);
    return digestOf(manifest);
  }

  /** Pushes an index of one image and its provenance. @returns the digests of all three. */
  async pushIndex(repository: string, tag: string, content: string): Promise<{ index: string; children: string[] }> {
    const children = [];
    for (const one of [content, `provenance of ${tag}`]) children.push(await this.pushUntagged(repository, one));
    const manifests = children.map((digest) => ({ mediaType: manifestType, size: 1, digest }));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
    demand(await this.ask('PUT', `/v2/${repository}/manifests/${tag}`, index, indexType), 201);
    return { index: digestOf(index), children };
  }

  private async pushUntagged(repository: string, content: string): Promise<string> {
    const manifest = await this.manifest(repository, content);
    const digest = digestOf(manifest);
    demand(await this.ask('PUT', `/v2/${repository}/manifests/${digest}`, manifest, manifestType), 201);
    return digest;
  }

  private async manifest(repository: string, content: string): Promise<string> {
    const [config, layer] = [await this.blob(repository, '{}'), await this.blob(repository, content)];
    return JSON.stringify({
      ...{ schemaVersion: 2, mediaType: manifestType },
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', size: 2, digest: config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', size: content.length, digest: layer }],
    });
  }

  /** Sends one blob, and names it nowhere. */
  async blob(repository: string, content: string): Promise<string> {
    const started = await this.ask('POST', `/v2/${repository}/blobs/uploads/`);
    demand(started, 202);
    const url = new URL(started.headers.get('location') ?? '', this.registryUrl);
    url.searchParams.set('digest', digestOf(content));
    demand(await this.ask('PUT', url.href, content), 201);
    return digestOf(content);
  }
}

export function digestOf(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function demand(response: Response, status: number): void {
  if (response.status !== status) throw new Error(`refused: ${response.status}`);
}
