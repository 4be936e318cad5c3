import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClusterClient,
  type ClusterObject,
  type Deployment,
  names,
  type Pod,
  resourcePath,
} from '@wherry/cluster';
import type { DesiredRevision, ObservedReplica } from '../engine';
import { readUntil, Watcher } from '../engine-contract';
import type { KubernetesEngine } from './kubernetes-engine';
import { identify, type RenderSettings } from './render';
import { ClusterFixture } from './testing/cluster-fixture';
import { script, type ImageChange } from './testing/push-image';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
const isThere = kubeconfig !== undefined && registry !== undefined;
const title = 'the Kubernetes engine on a real cluster (bring one up with `npm run testcluster -- up`)';

const serve = (answer: string, before = '') =>
  script(`${before}
import { createServer } from 'node:http';
createServer((_, response) => response.end(${answer})).listen(8080);`);
const quotaOf = (pods: string) => (namespace: string) => [
  { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'tenant', namespace }, spec: { hard: { pods } } },
];

describe.skipIf(!isThere)(title, () => {
  let fixture: ClusterFixture;
  let engine: KubernetesEngine;
  let watcher: Watcher;
  const engines: [KubernetesEngine, Watcher][] = [];

  async function prepare(objects?: (namespace: string) => readonly ClusterObject[]): Promise<void> {
    const prefix = `wf${randomBytes(4).toString('hex')}`;
    fixture = await ClusterFixture.prepare({
      ...{ kubeconfig: kubeconfig!, registry: registry!, prefix, isRemote: WHERRY_TEST_OWN_CLUSTER !== '1' },
      ...(objects && { objects }),
    });
    [engine, watcher] = start();
  }

  function start(settings: Partial<RenderSettings> = {}, client?: ClusterClient): [KubernetesEngine, Watcher] {
    const made = fixture.makeEngine({}, settings, client);
    const own: [KubernetesEngine, Watcher] = [made, new Watcher(made, fixture.patienceMs)];
    engines.push(own);
    return own;
  }

  beforeEach(() => prepare());
  afterEach(async () => {
    for (const [each, its] of engines.splice(0)) {
      await its.end();
      await each.close();
    }
    await fixture.close();
  });

  /** A revision of an image of its own. */
  async function revisionOf(change: ImageChange, more: Partial<DesiredRevision> = {}): Promise<DesiredRevision> {
    return fixture.revision({ artifactDigest: await fixture.push(change, more.functionName), ...more });
  }
  async function told(state: ObservedReplica['state'], words: RegExp): Promise<void> {
    const reasons = () => watcher.history.filter((each) => each.state === state).map((each) => each.reason ?? '');
    await expect
      .poll(reasons, { timeout: fixture.patienceMs })
      .toEqual(expect.arrayContaining([expect.stringMatching(words)]));
  }
  const refOf = (revision: DesiredRevision, apiVersion: string, kind: string) => {
    const settings = {
      prefix: fixture.prefix,
      registry: registry!,
      refusedRanges: [],
      startSeconds: 15,
      graceSeconds: 10,
    };
    return { apiVersion, kind, metadata: identify(revision, settings) };
  };
  const deploymentOf = (revision: DesiredRevision) => refOf(revision, 'apps/v1', 'Deployment');
  const uidOf = async (ref: ReturnType<typeof refOf>) => {
    const found = await fixture.client
      .read<{ metadata: { uid: string; deletionTimestamp?: string } }>(ref)
      .catch(() => null);
    return found && found.metadata.deletionTimestamp === undefined ? found.metadata.uid : null;
  };

  describe('tells in words', () => {
    it('that an image is not there', async () => {
      engine.apply([fixture.revision({ artifactDigest: `sha256:${'0'.repeat(64)}` })]);
      await told('crashed', /^Its image could not be pulled \((ErrImagePull|ImagePullBackOff)\): .*not found/);
    });

    it('that an image is for another kind of processor', async () => {
      // An ELF header of a machine that is neither of those that Wherry runs on, and nothing behind it.
      const bytes = Buffer.alloc(64);
      Buffer.from('7f454c460201010000000000000000000200150001', 'hex').copy(bytes);
      engine.apply([await revisionOf({ program: { path: '/alien', bytes }, config: { Cmd: ['/alien'] } })]);
      await told('crashed', /another kind of processor/);
    });

    it('that it used more memory than its limit, with its last lines', async () => {
      const greedy = 'console.log("filling"); const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 1));';
      engine.apply([await revisionOf(script(greedy))]);
      await told('crashed', /^It used more memory than its limit of 128Mi\.[^]*filling/);
    });

    it('that no node can take it', async () => {
      const { config } = fixture.revision();
      engine.apply([fixture.revision({ config: { ...config, cpuMillicores: 5e6, requests: { cpu: '5000' } } })]);
      await told('starting', /^No node of the cluster can take it: .*Insufficient cpu/);
    });

    it('that the tenant’s quota is used up, and goes on when there is more of it', async () => {
      await prepare(quotaOf('1'));
      engine.apply([fixture.revision({ replicas: 2 })]);
      await told('crashed', /^The tenant's quota in the cluster is used up: .*pods=1/);
      await watcher.until('ready', 1);
      for (const object of quotaOf('5')(fixture.namespace)) await fixture.client.apply(object);
      await watcher.until('ready', 2);
      await expect.poll(() => watcher.in('crashed'), { timeout: fixture.patienceMs }).toEqual([]);
    });

    it('that a policy of the cluster does not let it in', async () => {
      const [other, its] = start({ priorityClass: 'there-is-none' });
      watcher = its;
      other.apply([fixture.revision()]);
      await told('crashed', /^The cluster refused it: .*there-is-none/);
    });
  });

  describe('runs every image as nobody in particular', () => {
    it.each(['0', 'root', 'node', '1000:1000', ''])('also one whose user is "%s"', async (User) => {
      const change = serve('`${process.getuid()}:${process.getgid()}`');
      engine.apply([await revisionOf({ ...change, config: { ...change.config, User } })]);
      const [replica] = await watcher.until('ready');
      expect(await fixture.get(replica!.endpoint!, '/')).toBe('10000:10000');
    });

    it('and tells one that insists on root why it does not start', async () => {
      const change = serve('"x"', `import { chownSync } from 'node:fs'; chownSync('/tmp', 0, 0);`);
      engine.apply([await revisionOf({ ...change, config: { ...change.config, User: '0' } })]);
      await told('crashed', /^It ended with code 1\. Functions run as user 10000, never as root[^]*EPERM/);
    });
  });

  describe('keeps what it made as it made it', () => {
    const egress = [{ cidr: '203.0.113.0/24' }];
    const secrets = new Map([['key', Buffer.from('first-value')]]);
    const full = () => fixture.revision({ secrets, config: { ...fixture.revision().config, egress } });

    it('an idle function keeps a Deployment, a Secret and a NetworkPolicy, and nothing else', async () => {
      const revision = { ...full(), replicas: 0 };
      engine.apply([revision]);
      const kept = [deploymentOf(revision), refOf(revision, 'v1', 'Secret')];
      for (const ref of [...kept, refOf(revision, 'networking.k8s.io/v1', 'NetworkPolicy')]) {
        await expect.poll(() => uidOf(ref), { timeout: fixture.patienceMs }).not.toBeNull();
      }
      const list = async (path: string) =>
        (await fixture.client.request<{ items: unknown[] }>('GET', path)).items.length;
      const ns = `namespaces/${fixture.namespace}`;
      expect(await list(`/api/v1/${ns}/secrets`)).toBe(1);
      expect(await list(`/apis/networking.k8s.io/v1/${ns}/networkpolicies`)).toBe(1);
      expect(await list(`/api/v1/${ns}/services`)).toBe(0);
      expect(await list(`/api/v1/${ns}/pods`)).toBe(0);
    });

    it('starts one of an idle function by its scale alone', async () => {
      const written: string[] = [];
      const client = recording(fixture.client, written);
      const [other, its] = start({}, client);
      const revision = full();
      other.apply([{ ...revision, replicas: 0 }]);
      await expect.poll(() => written.at(-1), { timeout: fixture.patienceMs }).toContain('networkpolicies');
      written.length = 0;
      other.apply([revision]);
      await its.until('ready');
      expect(new Set(written)).toEqual(new Set([`PATCH deployments/${identifyOf(revision)}/scale`]));
    });

    const identifyOf = (revision: DesiredRevision) => deploymentOf(revision).metadata.name;

    it('takes back what others change, add or scale', async () => {
      const revision = full();
      engine.apply([revision]);
      const [before] = await watcher.until('ready');
      const patch = (spec: object) => fixture.client.request('PATCH', pathOf(revision), editOf(spec));
      await patch({ replicas: 3 });
      await patch({ template: { spec: { containers: [{ name: 'function', env: [{ name: 'PORT', value: '1' }] }] } } });
      await patch({ template: { spec: { containers: [{ name: 'spy', image: `${registry}/pause:1` }] } } });
      const live = () => fixture.client.read<Deployment & Templated>(deploymentOf(revision));
      const seen = async () => {
        const { spec } = await live();
        const { containers } = spec.template.spec;
        const port = containers[0]?.env?.find(({ name }) => name === 'PORT')?.value;
        return { replicas: spec.replicas, names: containers.map(({ name }) => name), port };
      };
      await expect
        .poll(seen, { timeout: fixture.patienceMs })
        .toEqual({ replicas: 1, names: ['function'], port: '8080' });
      await expect.poll(() => watcher.in('ready').length, { timeout: fixture.patienceMs }).toBe(1);
      expect(before?.state).toBe('ready');
    });

    it('makes again what others delete', async () => {
      const revision = full();
      engine.apply([revision]);
      await watcher.until('ready');
      const policy = refOf(revision, 'networking.k8s.io/v1', 'NetworkPolicy');
      const before = { policy: await uidOf(policy), deployment: await uidOf(deploymentOf(revision)) };
      await fixture.client.remove(policy);
      await expect.poll(() => uidOf(policy), { timeout: fixture.patienceMs }).not.toBeNull();
      const secret = refOf(revision, 'v1', 'Secret');
      await fixture.client.remove(secret);
      await engine.sweep();
      await expect.poll(() => uidOf(secret), { timeout: fixture.patienceMs }).not.toBeNull();
      await fixture.client.remove(deploymentOf(revision));
      await expect.poll(() => watcher.in('ready').length, { timeout: fixture.patienceMs }).toBe(0);
      const [after] = await watcher.until('ready');
      expect(await fixture.get(after!.endpoint!, '/secret')).toBe('first-value');
      expect(await uidOf(deploymentOf(revision))).not.toBe(before.deployment);
      expect(await uidOf(policy)).not.toBe(before.policy);
    });

    const selector = { matchLabels: { a: 'b' } };
    const containers = [{ name: 'c', image: `${registry}/pause:1` }];
    const template = { metadata: { labels: selector.matchLabels }, spec: { containers } };
    it.each([
      ['Deployment', 'apps/v1', { spec: { replicas: 0, selector, template } }],
      ['Secret', 'v1', { data: { key: 'Zm9yZWlnbg==' } }],
      ['NetworkPolicy', 'networking.k8s.io/v1', { spec: { podSelector: {}, policyTypes: ['Egress'] } }],
    ])('and leaves alone a %s that somebody else made under its name, and says so', async (kind, version, rest) => {
      const { namespace } = fixture;
      await fixture.client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      const revision = full();
      const ref = refOf(revision, version, kind);
      const place = resourcePath({ ...ref, metadata: { name: '', namespace } });
      await fixture.client.request('POST', place, { query: { fieldManager: 'somebody' }, body: { ...ref, ...rest } });
      const seen = async () => {
        const { metadata, spec, data } = await fixture.client.read<Foreign>(ref);
        return { uid: metadata.uid, labels: metadata.labels, spec, data };
      };
      const before = await seen();
      engine.apply([revision]);
      await told(
        'crashed',
        new RegExp(`^The cluster refused it: Wherry did not make the ${kind} ${namespace}/.*remove it`),
      );
      expect(await seen()).toEqual(before);
    });

    it('makes the Secret again that a pod waits for', async () => {
      const revision = full();
      engine.apply([{ ...revision, replicas: 0 }]);
      const secret = refOf(revision, 'v1', 'Secret');
      await expect.poll(() => uidOf(secret), { timeout: fixture.patienceMs }).not.toBeNull();
      await fixture.client.remove(secret);
      engine.apply([revision]);
      await watcher.until('ready');
    });
  });

  it('a pod that ignores SIGTERM goes after its grace', async () => {
    const [other, its] = start({ graceSeconds: 2 });
    const deaf = serve('"x"', 'process.on("SIGTERM", () => console.log("no"));');
    other.apply([await revisionOf(deaf)]);
    const [replica] = await its.until('ready');
    other.apply([]);
    const lines = await readUntil(other, 'no', true);
    expect(lines.map((each) => each.replicaId)).toContain(replica!.replicaId);
    await its.until('gone');
  });

  it('names of 63 characters are no trouble', async () => {
    const functionName = 'f'.repeat(63);
    engine.apply([await revisionOf(serve('process.env.OPENFAAS_NAME'), { functionName })]);
    const [replica] = await watcher.until('ready');
    expect(await fixture.get(replica!.endpoint!, '/')).toBe(functionName);
  });

  it('two engines at once do each other no harm', async () => {
    const [second, its] = start();
    for (const each of [engine, second]) each.apply([fixture.revision({ replicas: 2 })]);
    const pods = await watcher.until('ready', 2);
    await its.until('ready', 2);
    for (const each of [engine, second]) each.apply([fixture.revision({ replicas: 1 })]);
    const [leaving] = await watcher.until('leaving');
    expect(await its.until('leaving')).toMatchObject([{ replicaId: leaving!.replicaId }]);
    const drained = new Set([leaving!.replicaId]);
    for (const each of [second, engine]) each.apply([fixture.revision({ replicas: 1, drained })]);
    await watcher.until('gone');
    const path = `/api/v1/namespaces/${fixture.namespace}/pods`;
    const { items } = await fixture.client.request<{ items: Pod[] }>('GET', path);
    const living = items.filter((each) => each.metadata.deletionTimestamp === undefined);
    const staying = pods.find((each) => each.replicaId !== leaving!.replicaId)!;
    expect(living.map((each) => `rpl_${each.metadata.uid.replaceAll('-', '')}`)).toEqual([staying.replicaId]);
    expect(living[0]?.metadata.annotations?.[names.leaving]).toBeUndefined();
  });

  type Foreign = { metadata: { uid: string; labels?: object }; spec?: object; data?: object };
  type Templated = {
    spec: { template: { spec: { containers: { name: string; env?: { name: string; value: string }[] }[] } } };
  };
  function pathOf(revision: DesiredRevision): string {
    const { namespace, name } = deploymentOf(revision).metadata;
    return `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  }
  const editOf = (spec: object) => ({
    ...{ body: { spec }, contentType: 'application/strategic-merge-patch+json' },
    query: { fieldManager: 'somebody' },
  });
});

/** A client that writes down what it changes, without the tests' prefix. */
function recording(client: ClusterClient, written: string[]): ClusterClient {
  const request: ClusterClient['request'] = (method, path, sent) => {
    const [, shown] = /\/namespaces\/[^/]+\/(?!pods)(.+)$/.exec(path) ?? [];
    if (method !== 'GET' && shown) written.push(`${method} ${shown}`);
    return client.request(method, path, sent);
  };
  return new Proxy(client, { get: (target, key) => (key === 'request' ? request : Reflect.get(target, key)) });
}
