import { generateKeyPairSync } from 'node:crypto';
import { defaultBuilds, defaultTenancy, functionsNamespace, type Manifest, names, resourcePath } from '@wherry/cluster';
import { describe, expect, it } from 'vitest';
import { Namespaces } from './namespaces';
import { PullCredentials } from './pull-credentials';

const scope = { prefix: 'w', tenantId: 'ten_a', trust: 'trusted' } as const;
const namespace = functionsNamespace(scope);
const given = { image: 'i', registryHost: 'r:5000', plainHttp: true, isBundled: true, proxyUrl: null };
const settings = { tenancy: defaultTenancy('w', 'w'), builds: defaultBuilds('w', given), pods: {} };
const at = (name: string) => `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/${name}`;
const policy = (name: string, metadata: object = {}): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace, ...metadata },
  spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{}] },
});

/** An API server of a few objects, by their paths. */
class FakeCluster {
  readonly objects = new Map<string, Manifest>();
  readonly removed: string[] = [];

  put(object: Manifest): void {
    this.objects.set(resourcePath(object), object);
  }

  /** As server-side apply does it: what is not named stays. */
  apply(object: Manifest): Promise<never> {
    const spec = object.spec !== undefined && {
      ...(this.objects.get(resourcePath(object))?.spec as object),
      ...(object.spec as object),
    };
    this.put({ ...object, ...(spec && { spec }) });
    return Promise.resolve(this.objects.get(resourcePath(object))) as Promise<never>;
  }

  request(method: string, path: string, sent: { query?: object; body?: unknown } = {}): Promise<never> {
    if (method === 'PATCH') {
      const [{ value }] = sent.body as [{ value: unknown }];
      this.put({ ...this.objects.get(path)!, spec: value });
    }
    const found = this.objects.get(path);
    const kind = path.slice(path.lastIndexOf('/') + 1);
    const isLabelled =
      'labelSelector' in (sent.query ?? {}) && (sent.query as { labelSelector?: string }).labelSelector;
    const items = [...this.objects]
      .filter(([each]) => each.split('/').at(-2) === kind)
      .map(([, object]) => object)
      .filter(({ metadata }) => !isLabelled || metadata.labels?.[names.installation] === 'w');
    return Promise.resolve(found ?? { items, metadata: {} }) as Promise<never>;
  }

  remove(ref: Parameters<typeof resourcePath>[0]): Promise<void> {
    this.removed.push(resourcePath(ref));
    this.objects.delete(resourcePath(ref));
    return Promise.resolve();
  }
}

function make() {
  const cluster = new FakeCluster();
  const key = generateKeyPairSync('ed25519').privateKey;
  const credentials = new PullCredentials({ kind: 'issued', key, service: 's' }, () => 0);
  const errors: unknown[] = [];
  const sut = new Namespaces({
    ...{ client: cluster as never, prefix: 'w', settings, registryHost: 'r:5000', credentials },
    onError: (error) => errors.push(error),
  });
  return { cluster, sut, errors };
}

describe('tenants’ namespaces', () => {
  it('are found to be as they were made', async () => {
    const { cluster, sut, errors } = make();
    await sut.prepare(scope);
    await sut.prepare(scope, 'builds');
    expect(await sut.repair()).toBe(0);
    expect([cluster.removed, errors]).toEqual([[], []]);
  });

  it('that were removed are made anew, and nothing is put into one before its policies are there', async () => {
    const { cluster, sut, errors } = make();
    await sut.prepare(scope);
    const before = [...cluster.objects.keys()];
    cluster.objects.clear();
    const repaired = sut.repair();
    await expect.poll(() => cluster.objects.has(`/api/v1/namespaces/${namespace}`), { interval: 0 }).toBe(true);
    await sut.prepare(scope);
    expect([...cluster.objects.keys()].toSorted()).toEqual(before.toSorted());
    expect([await repaired, errors]).toEqual([1, []]);
  });

  it('that are on their way out are left alone until they have gone', async () => {
    const { cluster, sut } = make();
    await sut.prepare(scope);
    const of = cluster.objects.get(`/api/v1/namespaces/${namespace}`)!;
    cluster.objects.clear();
    cluster.put({ ...of, metadata: { ...of.metadata, deletionTimestamp: '2026-11-22T00:00:00Z' } as never });
    expect(await sut.repair()).toBe(0);
    expect([...cluster.objects.keys()]).toEqual([`/api/v1/namespaces/${namespace}`]);
  });

  it('lose what others added to a policy', async () => {
    const { cluster, sut } = make();
    await sut.prepare(scope);
    const before = cluster.objects.get(at('default-deny'))!;
    const opened = { ...(before.spec as object), ingress: [{}], egress: [{}] };
    cluster.put({ ...before, spec: opened });
    expect(await sut.repair()).toBe(1);
    expect(cluster.objects.get(at('default-deny'))).toEqual(before);
  });

  it('lose the policies that are neither rendered nor of a generation', async () => {
    const { cluster, sut } = make();
    await sut.prepare(scope);
    const labels = { [names.installation]: 'w', [names.generation]: 'fn-a' };
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'fn-a', uid: 'u' }];
    cluster.put(policy('fn-a', { labels, ownerReferences }));
    cluster.put(policy('allow-all'));
    cluster.put(policy('looks-like-ours', { labels, ownerReferences }));
    cluster.put(policy('of-others', { namespace: 'of-others' }));
    expect(await sut.repair()).toBe(2);
    expect(cluster.removed).toEqual([at('allow-all'), at('looks-like-ours')]);
  });

  it('go with their tenant, and no other of the cluster does', async () => {
    const { cluster, sut } = make();
    await sut.prepare(scope);
    await sut.prepare({ ...scope, tenantId: 'ten_b' });
    const labels = { [names.managedBy]: 'wherry', [names.installation]: 'w', [names.purpose]: 'probe' };
    cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'w-probe', labels } });
    expect(await sut.removeAbsent(new Set(['ten_b']))).toBe(1);
    expect(cluster.removed).toEqual([`/api/v1/namespaces/${namespace}`]);
  });

  it('all stay when there is not a single tenant: so looks an empty database', async () => {
    const { cluster, sut } = make();
    await sut.prepare(scope);
    expect(await sut.removeAbsent(new Set())).toBe(0);
    expect(cluster.removed).toEqual([]);
  });
});
