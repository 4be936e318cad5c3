import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionsNamespace, type TenantScope } from '../names';
import { admissionPolicies } from './admission';
import { functionsNamespaceObjects, functionsServiceAccount, type Manifest } from './functions-namespace';
import { defaultTenancy } from './settings';
import { eventually, RawCluster, restrictedPod } from './testing/raw-cluster';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_OWN_CLUSTER } = process.env;
// It makes objects of the whole cluster, which are nobody's to make in a cluster of somebody else.
const isThere = kubeconfig !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
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

/** A pod that is one of a function, but for `change`. */
const podOf = (name: string, change: (pod: PodSpec) => object = () => ({})): Manifest => {
  const spec = { serviceAccountName: functionsServiceAccount };
  const pod = restrictedPod({ name, namespace }, { image: `registry.example/acme/red/trusted/f${digest}`, spec });
  return { ...pod, spec: { ...(pod.spec as PodSpec), ...change(pod.spec as PodSpec) } };
};
type PodSpec = Readonly<{ containers: readonly Readonly<{ name: string; resources: Resources }>[] }>;
type Resources = Readonly<{ requests?: object; limits?: object }>;
const labels = { a: 'b' };
const template = { metadata: { labels }, spec: podOf('p').spec as PodSpec };
const ending = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
const made = (apiVersion: string, kind: string, spec: object, name = 'made'): Manifest => ({
  ...{ apiVersion, kind, metadata: { name, namespace }, spec },
});
const selected = { selector: { matchLabels: labels }, template };
/** Was there before the policies; its pod waits for a scheduler that never comes. */
const there = [
  made('apps/v1', 'Deployment', { ...selected, replicas: 0 }, 'there'),
  made('apps/v1', 'ReplicaSet', { ...selected, replicas: 0 }, 'there'),
  podOf('there', () => ({ schedulingGates: [{ name: 'wherry.dev/never' }] })),
];

describe.skipIf(!isThere)(title, () => {
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
    await cluster.apply(...objects, rights, ...there, ...policies);
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

  const onlyController = /Only the Wherry controller makes workloads/;
  const open = { podSelector: {}, policyTypes: ['Egress'], egress: [{}] };

  it.each([
    made('apps/v1', 'Deployment', selected),
    made('apps/v1', 'ReplicaSet', selected),
    made('apps/v1', 'StatefulSet', { ...selected, serviceName: 's' }),
    made('apps/v1', 'DaemonSet', selected),
    made('batch/v1', 'Job', { template: ending }),
    made('batch/v1', 'CronJob', { schedule: '0 0 * * *', jobTemplate: { spec: { template: ending } } }),
    made('v1', 'ReplicationController', { selector: labels, template }),
    made('networking.k8s.io/v1', 'NetworkPolicy', open),
  ])('an administrator makes no $kind', async (object) => {
    expect((await cluster.create(object, { dryRun: true })).message).toMatch(onlyController);
  });

  it('the controller makes Deployments and NetworkPolicies', async () => {
    const own = [made('apps/v1', 'Deployment', selected), made('networking.k8s.io/v1', 'NetworkPolicy', open)];
    for (const object of own) {
      expect(await cluster.create(object, { dryRun: true, as: controller })).toMatchObject({ status: 201 });
    }
  });

  const edit = (path: string, patch: object, as?: string) => cluster.send('PATCH', `${path}?dryRun=All`, patch, as);
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const core = `/api/v1/namespaces/${namespace}`;
  const spy = { ...template.spec.containers[0]!, name: 'spy', resources: undefined };

  it.each([
    ['the scale of a Deployment', `${apps}/deployments/there/scale`, { spec: { replicas: 2 } }],
    ['a Deployment', `${apps}/deployments/there`, { spec: { replicas: 2 } }],
    ['the scale of a ReplicaSet', `${apps}/replicasets/there/scale`, { spec: { replicas: 2 } }],
    ['the labels of a pod', `${core}/pods/there`, { metadata: { labels: { 'wherry.dev/egress': 'internet' } } }],
    ['the time of a pod', `${core}/pods/there`, { spec: { activeDeadlineSeconds: 100 } }],
    ['what else runs in a pod', `${core}/pods/there/ephemeralcontainers`, { spec: { ephemeralContainers: [spy] } }],
    [
      'a NetworkPolicy',
      `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/default-deny`,
      { spec: open },
    ],
  ])('an administrator does not change %s', async (_, path, patch) => {
    expect((await edit(path, patch)).message).toMatch(onlyController);
  });

  it('an administrator does not change the resources of a pod', async () => {
    const { spec } = (await cluster.send('GET', `${core}/pods/there`)).object as { spec: PodSpec };
    const containers = spec.containers.map((each) => ({
      ...each,
      resources: { ...each.resources, requests: { ...each.resources.requests, cpu: '20m' } },
    }));
    expect((await edit(`${core}/pods/there/resize`, { spec: { containers } })).message).toMatch(onlyController);
  });

  it('the controller scales, and anyone may annotate', async () => {
    const scaled = await edit(`${apps}/deployments/there/scale`, { spec: { replicas: 2 } }, controller);
    expect(scaled).toMatchObject({ status: 200 });
    expect(await edit(`${core}/pods/there`, { metadata: { annotations: labels } })).toMatchObject({ status: 200 });
  });

  const token = { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
  it.each<[string, (spec: PodSpec) => object, RegExp]>([
    [
      'a second container',
      ({ containers }) => ({ containers: [...containers, { ...containers[0], name: 'second' }] }),
      /is one container/,
    ],
    [
      'an init container',
      ({ containers }) => ({ initContainers: [{ ...containers[0], name: 'first' }] }),
      /is one container/,
    ],
    ['a token', () => ({ automountServiceAccountToken: true }), /no token of the cluster/],
    ['a token in a volume', () => ({ volumes: [token] }), /no token of the cluster/],
  ])('no pod has %s', async (_, change, message) => {
    const answer = await cluster.create(podOf('p', change), { dryRun: true, as: replicaSets });
    expect(answer.message).toMatch(message);
  });

  it('the controller gets no token of an account outside of its namespaces', async () => {
    const spec = { expirationSeconds: 3600 };
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const at = '/api/v1/namespaces/default/serviceaccounts/default/token?dryRun=All';
    const answer = await cluster.send('POST', at, body, controller);
    expect(answer.message).toMatch(/writes only in namespaces of the installation/);
  });

  it('the controller alone makes Services, and none that has addresses or targets outside of the cluster', async () => {
    const service = (spec: Readonly<Record<string, unknown>>, who: Readonly<{ as?: string }> = { as: controller }) => {
      const ports = [{ port: 8080, protocol: 'TCP' }];
      const whole = { selector: { a: 'b' }, ports, ...spec };
      const metadata = { name: 's', namespace };
      return cluster.create({ apiVersion: 'v1', kind: 'Service', metadata, spec: whole }, { dryRun: true, ...who });
    };
    expect(await service({})).toMatchObject({ status: 201 });
    expect((await service({}, {})).message).toMatch(/Only the Wherry controller makes workloads/);
    const others = [
      { type: 'NodePort' },
      { type: 'LoadBalancer' },
      { type: 'ExternalName', externalName: 'example.com' },
      { externalIPs: ['203.0.113.10'] },
      { selector: {} },
    ];
    for (const spec of others) expect((await service(spec)).message).toMatch(/A Service leads to functions/);
  });

  it('the controller writes in its own namespaces and nowhere else', async () => {
    expect(await configMap(namespace)).toMatchObject({ status: 201 });
    expect((await configMap('default')).message).toMatch(/writes only in namespaces of the installation/);
  });
});
