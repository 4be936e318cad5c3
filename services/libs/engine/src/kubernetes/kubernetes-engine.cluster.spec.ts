import { createHash, randomBytes } from 'node:crypto';
import { ClusterClient, functionsNamespace, imagePath, tenantLabels, type TenantScope } from '@wherry/cluster';
import type { DesiredRevision, Endpoint } from '../engine';
import { contractFunction, describeEngine, type EngineFixture } from '../engine-contract';
import { KubernetesEngine } from './kubernetes-engine';

const kubeconfig = process.env.WHERRY_TEST_KUBECONFIG;
const registry = process.env.WHERRY_TEST_REGISTRY;
const isThere = kubeconfig !== undefined && registry !== undefined;
const missing = isThere ? null : 'Needs a cluster and a registry: npm run testcluster -- up';

type Manifest = { mediaType: string; config: Descriptor; layers: Descriptor[]; manifests?: Descriptor[] };
type Descriptor = { digest: string; size: number; mediaType: string; platform?: { os: string } };
const manifestTypes = ['oci.image.index.v1', 'oci.image.manifest.v1', 'docker.distribution.manifest.v2'];
const base = { repository: 'node', reference: '26-bookworm-slim' };

/** A function image without a builder: the layers of the base image, with another command. */
async function pushFunction(repository: string, code: string): Promise<string> {
  const url = (path: string) => `http://${registry}/v2/${path}`;
  const accept = manifestTypes.map((type) => `application/vnd.${type}+json`).join(', ');
  const get = async <T>(path: string) => (await (await fetch(url(path), { headers: { accept } })).json()) as T;
  let manifest = await get<Manifest>(`${base.repository}/manifests/${base.reference}`);
  const child = manifest.manifests?.find((each) => each.platform?.os === 'linux');
  if (child) manifest = await get<Manifest>(`${base.repository}/manifests/${child.digest}`);
  const config = await get<{ config: { Cmd: string[] } }>(`${base.repository}/blobs/${manifest.config.digest}`);
  config.config.Cmd = ['node', '--input-type=module', '-e', code];
  const body = JSON.stringify(config);
  const digest = digestOf(body);
  for (const layer of manifest.layers) {
    const mount = `${repository}/blobs/uploads/?mount=${layer.digest}&from=${base.repository}`;
    await fetch(url(mount), { method: 'POST' });
  }
  const upload = await fetch(url(`${repository}/blobs/uploads/`), { method: 'POST' });
  const target = new URL(upload.headers.get('location')!, url(''));
  target.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await fetch(target, { method: 'PUT', body, headers });
  const made = JSON.stringify({ ...manifest, config: { ...manifest.config, digest, size: Buffer.byteLength(body) } });
  const put = await fetch(url(`${repository}/manifests/${digestOf(made)}`), {
    ...{ method: 'PUT', body: made, headers: { 'content-type': manifest.mediaType } },
  });
  if (!put.ok) throw new Error(`The registry refused the test's image: ${await put.text()}`);
  return digestOf(made);
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

class ClusterFixture implements EngineFixture {
  readonly patienceMs = 60_000;
  readonly prefix = `wt${randomBytes(4).toString('hex')}`;
  readonly client = ClusterClient.fromFile(kubeconfig!);
  private readonly namespaces = new Set<string>();
  private digest = '';

  static async prepare(): Promise<ClusterFixture> {
    const fixture = new ClusterFixture();
    fixture.digest = await pushFunction(imagePath('ten_a', 'trusted', 'test'), contractFunction);
    return fixture;
  }

  makeEngine(): KubernetesEngine {
    const settings = {
      prefix: this.prefix,
      registry: registry!,
      refusedRanges: [],
      startSeconds: 15,
      graceSeconds: 10,
    };
    const prepareNamespace = (scope: TenantScope) => this.prepareNamespace(scope);
    return new KubernetesEngine({ client: this.client, settings, prepareNamespace });
  }

  private async prepareNamespace(scope: TenantScope): Promise<void> {
    const name = functionsNamespace(scope);
    this.namespaces.add(name);
    const labels = { ...tenantLabels(scope), 'pod-security.kubernetes.io/enforce': 'restricted' };
    await this.client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } } as never);
  }

  revision(more: Partial<DesiredRevision> = {}, environment: Readonly<Record<string, string>> = {}): DesiredRevision {
    return {
      ...{ tenantId: 'ten_a', tenantNumber: 4, trust: 'trusted' as const, revisionId: 'rev_a', functionName: 'test' },
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
    const headers = { connection: 'close' };
    return (await fetch(`http://${endpoint.host}:${endpoint.port}${path}`, { headers })).text();
  }

  async close(): Promise<void> {
    for (const name of this.namespaces) {
      await this.client.remove({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  }
}

describeEngine('Kubernetes', () => ClusterFixture.prepare(), missing);
