import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantScope } from '../names';
import { admissionPolicies } from './admission';
import { buildDaemonObjects } from './builds-daemon';
import { buildsNamespaceObjects } from './builds-namespace';
import { defaultBuilds } from './builds-settings';
import type { Manifest } from './functions-namespace';
import { defaultTenancy } from './settings';
import { eventually, RawCluster } from './testing/raw-cluster';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_OWN_CLUSTER } = process.env;
// It makes objects of the whole cluster, which are nobody's to make in a cluster of somebody else.
const isThere = kubeconfig !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
const title = 'a build daemon’s admission (bring a cluster up with `npm run testcluster -- up`)';
const prefix = `bn${randomBytes(3).toString('hex')}`;
const scope: TenantScope = { prefix, tenantId: 'ten_red', trust: 'trusted' };
const image = `registry.example/buildkit@sha256:${'a'.repeat(64)}`;
const builds = defaultBuilds(prefix, {
  ...{ image, registryHost: 'registry.example', plainHttp: false, isBundled: false, proxyUrl: null },
});
const objects = buildsNamespaceObjects(scope, defaultTenancy(prefix, 'default'), builds);
const [secret, deployment] = buildDaemonObjects(scope, builds, {
  replicas: 1,
  tls: { ca: 'CA', cert: 'CERT', key: 'KEY' },
}) as [Manifest, Manifest];
const controller = `system:serviceaccount:default:${prefix}-controller`;
const replicaSets = 'system:serviceaccount:kube-system:replicaset-controller';
const policies = admissionPolicies({
  ...{ release: prefix, prefix, platformNamespace: 'default', controllerServiceAccount: `${prefix}-controller` },
  ...{ registry: 'registry.example', daemonImage: image, probeImage: image, leases: [] },
});
const rights: Manifest = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: `${prefix}-controller` },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name: `${prefix}-controller`, namespace: 'default' }],
} as Manifest;

type Spec = Readonly<{ containers: readonly [object] }> & Readonly<Record<string, unknown>>;
const template = (deployment.spec as { template: { metadata: object; spec: Spec } }).template;
const pod = (spec: object = {}, container: object = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...template.metadata, name: 'p', namespace: deployment.metadata.namespace! },
  spec: { ...template.spec, ...spec, containers: [{ ...template.spec.containers[0], ...container }] },
});

describe.skipIf(!isThere)(title, () => {
  const cluster = kubeconfig === undefined ? (undefined as never) : new RawCluster(kubeconfig);
  const asks = (object: Manifest, as: string) => cluster.create(object, { dryRun: true, as });

  beforeAll(async () => {
    await cluster.apply(...objects, rights, ...policies);
    await eventually(
      20,
      () => asks(pod({ hostPID: true }), replicaSets),
      ({ status }) => status >= 400,
    );
  });
  afterAll(() => cluster.remove(...[...policies].reverse(), rights, objects[0]!));

  it('lets in the Secret and the Deployment of the controller, and the pod that follows', async () => {
    expect(await asks(secret, controller)).toMatchObject({ status: 201 });
    expect(await asks(deployment, controller)).toMatchObject({ status: 201 });
    expect(await asks(pod(), replicaSets)).toMatchObject({ status: 201 });
  });

  it.each([
    ['of another image', {}, { image: `registry.example/other@sha256:${'b'.repeat(64)}` }],
    ['that is privileged', {}, { securityContext: { privileged: true } }],
    ['that is root', {}, { securityContext: { runAsUser: 0, runAsNonRoot: false } }],
    ['with a capability more', {}, { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }],
    ['with a folder of the node', { volumes: [{ name: 'x', hostPath: { path: '/' } }] }, { volumeMounts: [] }],
    ['in the node’s network', { hostNetwork: true }, {}],
  ])('refuses a pod %s', async (_what, spec, container) => {
    expect((await asks(pod(spec, container), replicaSets)).message).toMatch(/Only the build daemon|is rootless/);
  });
});
