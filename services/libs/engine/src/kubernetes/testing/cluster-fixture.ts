import {
  ClusterClient,
  functionsNamespace,
  imagePath,
  tenantLabels,
  type ClusterObject,
  type TenantScope,
} from '@wherry/cluster';
import type { DesiredRevision, Endpoint } from '../../engine';
import { contractFunction, type EngineFixture } from '../../engine-contract';
import { KubernetesEngine } from '../kubernetes-engine';
import type { RenderSettings } from '../render';
import { pushImage, script, type ImageChange } from './push-image';

export type ClusterFixtureOptions = Readonly<{
  kubeconfig: string;
  registry: string;
  /** Whether pods are asked by way of the API server, as where this machine has no route to them; otherwise directly. */
  isRemote?: boolean;
  /** Of the namespaces, which go at the end; nobody else's. */
  prefix: string;
  /** Objects that the namespace has beside itself, such as a quota. */
  objects?: (namespace: string) => readonly ClusterObject[];
}>;

/** A real cluster as tests of the engine see it. */
export class ClusterFixture implements EngineFixture {
  readonly patienceMs = 60_000;
  readonly client: ClusterClient;
  readonly prefix: string;
  private readonly namespaces = new Set<string>();
  private digest = '';

  private constructor(private readonly options: ClusterFixtureOptions) {
    this.client = ClusterClient.fromFile(options.kubeconfig);
    this.prefix = options.prefix;
  }

  static async prepare(options: ClusterFixtureOptions): Promise<ClusterFixture> {
    const fixture = new ClusterFixture(options);
    fixture.digest = await fixture.push(script(contractFunction));
    return fixture;
  }

  /** Returns the digest of an image of the function `test`. */
  push(change: ImageChange, functionName = 'test'): Promise<string> {
    return pushImage(this.options.registry, imagePath('ten_a', 'trusted', functionName), change);
  }

  makeEngine(_?: unknown, more: Partial<RenderSettings> = {}, client = this.client): KubernetesEngine {
    const { registry, prefix } = this.options;
    const settings = { prefix, registry, refusedRanges: [], startSeconds: 15, graceSeconds: 10, ...more };
    return new KubernetesEngine({ client, settings, prepareNamespace: (scope) => this.prepareNamespace(scope) });
  }

  get namespace(): string {
    return functionsNamespace({ prefix: this.prefix, tenantId: 'ten_a', trust: 'trusted' });
  }

  revision(more: Partial<DesiredRevision> = {}, environment: Readonly<Record<string, string>> = {}): DesiredRevision {
    return {
      ...{ tenantId: 'ten_a', tenantNumber: 4, trust: 'trusted' as const, revisionId: 'rev_a', functionName: 'test' },
      ...{ environmentId: 'env_a', isRouted: true },
      artifactDigest: this.digest,
      config: {
        ...{ lang: 'node', start: ['node'], environment, secrets: [], memoryMiB: 128, cpuMillicores: 1000 },
        ...{ limits: {}, requests: { memory: '32Mi' }, labels: {}, annotations: {}, readOnlyRootFilesystem: true },
        ...{ scale: { min: 0, max: 3, idleSeconds: 300 }, timeoutMs: 60_000 },
      },
      ...{ secrets: new Map(), secretsVersion: '1', replicas: 1, drained: new Set<string>() },
      ...more,
    };
  }

  async get(endpoint: Endpoint, path: string): Promise<string> {
    if (endpoint.kind !== 'tcp') throw new TypeError('A pod has an address, no socket.');
    if (this.options.isRemote === true) return this.getByApiServer(endpoint, path);
    const headers = { connection: 'close' };
    return (await fetch(`http://${endpoint.host}:${endpoint.port}${path}`, { headers })).text();
  }

  private async getByApiServer({ host, port }: Endpoint & { kind: 'tcp' }, path: string): Promise<string> {
    const pods = `/api/v1/namespaces/${this.namespace}/pods`;
    const query = { fieldSelector: `status.podIP=${host}` };
    const { items } = await this.client.request<{ items: { metadata: { name: string } }[] }>('GET', pods, { query });
    const chunks: Buffer[] = [];
    const way = `${pods}/${items[0]?.metadata.name}:${port}/proxy${path}`;
    for await (const chunk of this.client.stream(way, {}, AbortSignal.timeout(20_000))) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  async close(): Promise<void> {
    for (const name of this.namespaces) {
      await this.client.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  }

  private async prepareNamespace(scope: TenantScope): Promise<void> {
    const name = functionsNamespace(scope);
    this.namespaces.add(name);
    const labels = { ...tenantLabels(scope), 'pod-security.kubernetes.io/enforce': 'restricted' };
    await this.client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } } as never);
    for (const object of this.options.objects?.(name) ?? []) await this.client.apply(object);
  }
}
