import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionsNamespace, type TenantScope } from '../names';
import { admissionPolicies } from './admission';
import { functionsNamespaceObjects, functionsServiceAccount, type Manifest } from './functions-namespace';
import { defaultTenancy } from './settings';
import { eventually, RawCluster, restrictedPod } from './testing/raw-cluster';

const { WHERRY_TEST_KUBECONFIG: kubeconfig } = process.env;
const title = 'admission policies (bring a cluster up with `npm run testcluster -- up`)';
const prefix = `ad${randomBytes(3).toString('hex')}`;
const scope: TenantScope = { prefix, tenantId: 'ten_red', trust: 'trusted' };
const namespace = functionsNamespace(scope);
const objects = functionsNamespaceObjects(scope, defaultTenancy(prefix, 'default'));
const digest = `@sha256:${'a'.repeat(64)}`;
const policies = admissionPolicies({
  release: prefix,
  prefix,
  platformNamespace: 'default',
  controllerServiceAccount: `${prefix}-controller`,
  registry: 'registry.example/acme',
  daemonImage: `registry.example/buildkit${digest}`,
  probeImage: `registry.example/probe${digest}`,
  leases: ['wherry-controller'],
});
const controller = `system:serviceaccount:default:${prefix}-controller`;
const replicaSets = 'system:serviceaccount:kube-system:replicaset-controller';
const rights: Manifest = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: `${prefix}-controller` },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name: `${prefix}-controller`, namespace: 'default' }],
} as Manifest;

describe.skipIf(kubeconfig === undefined)(title, () => {
  const cluster = kubeconfig === undefined ? (undefined as never) : new RawCluster(kubeconfig);
  const pod = (path: string, as?: string) =>
    cluster.create(
      restrictedPod(
        { name: 'p', namespace },
        { image: `registry.example/${path}`, spec: { serviceAccountName: functionsServiceAccount } },
      ),
      { dryRun: true, ...(as !== undefined && { as }) },
    );
  const configMap = (where: string) =>
    cluster.create(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: prefix, namespace: where } },
      { dryRun: true, as: controller },
    );

  beforeAll(async () => {
    await cluster.apply(...objects, rights, ...policies);
    await eventually(
      20,
      async () => [await pod(`acme/red/trusted/f${digest}`), await configMap('default')],
      (answers) => answers.every(({ status }) => status >= 400),
    );
  });
  afterAll(() => cluster.remove(...[...policies].reverse(), rights, objects[0]!));

  it('nobody but the ReplicaSet controller makes pods, not even an administrator', async () => {
    expect((await pod(`acme/red/trusted/f${digest}`)).message).toMatch(/Only the Wherry controller makes workloads/);
    expect((await pod(`acme/red/trusted/f${digest}`, controller)).message).toMatch(/Only the Wherry controller/);
    expect(await pod(`acme/red/trusted/f${digest}`, replicaSets)).toMatchObject({ status: 201 });
  });

  it.each([
    ...[`acme/blue/trusted/f${digest}`, `acme/red/untrusted/f${digest}`, `red/trusted/f${digest}`],
    ...[`acme2/red/trusted/f${digest}`, 'acme/red/trusted/f:latest'],
  ])('no pod runs the image %s of another path or without a digest', async (path) => {
    expect((await pod(path, replicaSets)).message).toMatch(/by digest from the path of its own tenant/);
  });

  it('the controller writes in its own namespaces and nowhere else', async () => {
    expect(await configMap(namespace)).toMatchObject({ status: 201 });
    expect((await configMap('default')).message).toMatch(/writes only in namespaces of the installation/);
  });
});
