import { ClusterError, type ClusterObject, fieldManager, type ObjectRef, resourcePath } from '@wherry/cluster';
import { describe, expect, it } from 'vitest';
import type { DesiredRevision } from '../engine';
import { GenerationObjects } from './generation-objects';
import { identify } from './render';

const settings = { prefix: 'w', registry: 'r:5000', refusedRanges: [], startSeconds: 1, graceSeconds: 1 };
const revision: DesiredRevision = {
  ...{ tenantId: 'ten_a', tenantNumber: 4, trust: 'trusted', revisionId: 'rev_a', functionName: 'test' },
  ...{ environmentId: 'env_a', isRouted: true, artifactDigest: `sha256:${'0'.repeat(64)}` },
  config: {
    ...{ lang: 'node', start: ['node'], environment: {}, secrets: ['key'], memoryMiB: 128, cpuMillicores: 1000 },
    ...{ limits: {}, requests: {}, labels: {}, annotations: {}, readOnlyRootFilesystem: true },
    ...{ scale: { min: 0, max: 3, idleSeconds: 300 }, timeoutMs: 60_000, egress: [{ cidr: '203.0.113.0/24' }] },
  },
  ...{ secrets: new Map([['key', Buffer.from('a value')]]), secretsVersion: '1' },
  ...{ replicas: 1, drained: new Set<string>() },
};
const metadata = identify(revision, settings);
const kinds = [
  ['Deployment', 'apps/v1'],
  ['Secret', 'v1'],
  ['NetworkPolicy', 'networking.k8s.io/v1'],
] as const;

/** An API server that remembers who wrote each object. */
class FakeCluster {
  readonly objects = new Map<string, ClusterObject>();

  write(object: ClusterObject, manager: string = fieldManager): Promise<never> {
    const managedFields = [{ manager }];
    const path = resourcePath(object);
    const spec = { ...(this.objects.get(path)?.spec as object | undefined), ...(object.spec as object | undefined) };
    this.objects.set(path, { ...object, spec, metadata: { ...object.metadata, uid: path, managedFields } as never });
    return Promise.resolve(this.objects.get(path)) as Promise<never>;
  }
  apply = (object: ClusterObject) => this.write(object);
  replace = (object: ClusterObject) => this.write(object);
  create = (object: ClusterObject) =>
    this.objects.has(resourcePath(object))
      ? Promise.reject<never>(new ClusterError(409, 'AlreadyExists', 'It exists.'))
      : this.write(object);
  read = (ref: ObjectRef) => {
    const found = this.objects.get(resourcePath(ref));
    return (found ? Promise.resolve(found) : Promise.reject(new ClusterError(404, 'NotFound', 'None.'))) as never;
  };
  remove = (ref: ObjectRef) => Promise.resolve(void this.objects.delete(resourcePath(ref)));
  request = (_: string, path: string, { body = [] }: { body?: unknown } = {}) => {
    const [{ value } = { value: {} }] = body as { value: object }[];
    this.objects.set(path, { ...this.objects.get(path)!, spec: value });
    return Promise.resolve(this.objects.get(path)) as Promise<never>;
  };
}

function make() {
  const cluster = new FakeCluster();
  const clock = { nowMs: () => 0, after: () => () => undefined };
  const sut = new GenerationObjects({ client: cluster, settings, prepareNamespace: () => Promise.resolve(), clock });
  return { cluster, ensure: () => sut.ensure(revision, 'key', undefined) };
}

describe('the objects of a generation', () => {
  it.each(kinds)(
    'a %s that somebody else made under its name stays as it is, and this is said',
    async (kind, version) => {
      const { cluster, ensure } = make();
      const foreign = { apiVersion: version, kind, metadata, spec: { foreign: true }, data: {} };
      await cluster.write(foreign, 'kubectl');
      const before = structuredClone(cluster.objects.get(resourcePath(foreign)));
      const message = `Wherry did not make the ${kind} ${metadata.namespace}/${metadata.name}; remove it.`;
      await expect(ensure()).rejects.toMatchObject({ reason: 'NotOurs', message });
      expect(cluster.objects.get(resourcePath(foreign))).toEqual(before);
    },
  );

  it('are made, and made again over what a controller before made', async () => {
    const { cluster, ensure } = make();
    await ensure();
    const made = [...cluster.objects.keys()];
    expect(made).toEqual(kinds.map(([kind, apiVersion]) => resourcePath({ apiVersion, kind, metadata })));
    await ensure();
    expect([...cluster.objects.keys()]).toEqual(made);
  });

  it('have a policy without the rules that others added to it', async () => {
    const { cluster, ensure } = make();
    await ensure();
    const path = resourcePath({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata });
    const { spec } = cluster.objects.get(path)!;
    await cluster.write({ ...cluster.objects.get(path)!, spec: { ...(spec as object), ingress: [{}] } });
    await ensure();
    expect(cluster.objects.get(path)?.spec).toEqual(spec);
  });
});
