import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterClient, type ClusterObject } from '../client';
import { probeNamespace } from '../names';
import { eventually, RawCluster } from '../tenancy/testing/raw-cluster';
import { defaultTenancy } from '../tenancy/settings';
import { probeNamespaceObjects, type ProbeSettings } from './render-probe';
import { runProbe } from './run-probe';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_OWN_CLUSTER } = process.env;
// What it expects of DNS and of images is so on the test cluster.
const isThere = kubeconfig !== undefined && registry !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
const title = 'the probe of NetworkPolicies (bring a cluster up with `npm run testcluster -- up`)';
const prefix = `pr${randomBytes(3).toString('hex')}`;

describe.skipIf(!isThere)(title, () => {
  const client = isThere ? ClusterClient.fromFile(kubeconfig) : (undefined as never);
  const raw = isThere ? new RawCluster(kubeconfig) : (undefined as never);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: probeNamespace(prefix) } };
  let settings: ProbeSettings;
  const signal = new AbortController().signal;

  beforeAll(async () => {
    const types = ['oci.image.index.v1', 'oci.image.manifest.v1', 'docker.distribution.manifest.v2'];
    const accept = types.map((type) => `application/vnd.${type}+json`).join(', ');
    const manifest = await fetch(`http://${registry}/v2/node/manifests/26-bookworm-slim`, { headers: { accept } });
    const plain = defaultTenancy('c', 'default');
    // The test cluster's DNS pods listen on 5353, behind a Service at 53.
    const tenancy = { ...plain, namespaceClusterRole: 'view', dns: { ...plain.dns, ports: [5353] } };
    const image = `${registry}/node@${manifest.headers.get('docker-content-digest')}`;
    settings = { prefix, image, tenancy };
  });
  afterAll(() => client?.remove(namespace));

  const pods = async () => {
    const { object } = await raw.send('GET', `/api/v1/namespaces/${probeNamespace(prefix)}/pods`);
    return object.items as unknown[];
  };

  it('finds a cluster that enforces policies in order, and removes its pods', async () => {
    expect(await runProbe(client, settings, signal)).toEqual({
      isOk: true,
      detail: expect.any(String),
      hasNames: true,
    });
    expect(await eventually(20, pods, (items) => items.length === 0)).toEqual([]);
  });

  it('finds out that the DNS pods have another port than policies allow', async () => {
    const { dns } = defaultTenancy('c', 'default');
    const outcome = await runProbe(client, { ...settings, tenancy: { ...settings.tenancy, dns } }, signal);
    expect(outcome).toMatchObject({ isOk: true, hasNames: false });
  });

  it('finds out that a denied connection came through, in either direction', async () => {
    // Policies add up: these allow what those of the probe deny, as on a cluster that enforces nothing.
    const [guarded, sender] = probeNamespaceObjects(settings).filter(({ kind }) => kind === 'NetworkPolicy');
    const everything = (spec: object): ClusterObject => ({ ...spec }) as never;
    const open = [
      everything({
        ...guarded!,
        metadata: { ...guarded!.metadata, name: 'all-in' },
        spec: { ...(guarded!.spec as object), ingress: [{}] },
      }),
      everything({
        ...sender!,
        metadata: { ...sender!.metadata, name: 'all-out' },
        spec: { ...(sender!.spec as object), egress: [{}] },
      }),
    ];
    for (const policy of open) await client.apply(policy);
    const outcome = await runProbe(client, settings, signal);
    expect(outcome).toMatchObject({ isOk: false, detail: expect.stringMatching(/into a pod.*and.*out of a pod/) });
  });
});
