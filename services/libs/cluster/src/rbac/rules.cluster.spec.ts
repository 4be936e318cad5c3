import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionsNamespace, type TenantScope } from '../names';
import { admissionPolicies } from '../tenancy/admission';
import { functionsNamespaceObjects, type Manifest } from '../tenancy/functions-namespace';
import { defaultTenancy } from '../tenancy/settings';
import { eventually, RawCluster } from '../tenancy/testing/raw-cluster';
import { controllerRoles } from './rules';

const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_OWN_CLUSTER } = process.env;
// It makes objects of the whole cluster, which are nobody's to make in a cluster of somebody else.
const isThere = kubeconfig !== undefined && WHERRY_TEST_OWN_CLUSTER === '1';
const title = 'what the controller may (bring a cluster up with `npm run testcluster -- up`)';
const prefix = `rb${randomBytes(3).toString('hex')}`;
const platform = `${prefix}-platform`;
const scope: TenantScope = { prefix, tenantId: 'ten_red', trust: 'trusted' };
const tenants = functionsNamespace(scope);
const account = `${prefix}-controller`;
const controller = `system:serviceaccount:${platform}:${account}`;
const common = { release: prefix, platformNamespace: platform, controllerServiceAccount: account, leases: [account] };
const image = `registry.example/image@sha256:${'a'.repeat(64)}`;
const foreign: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${prefix}-foreign` } };
const policies = admissionPolicies({
  ...{ ...common, prefix, registry: 'registry.example', daemonImage: image, probeImage: image },
});
const roles = controllerRoles({ ...common, namespaceClusterRole: `${prefix}-namespace` });
const platformNamespace: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: platform } };
const [tenantsNamespace, ...inside] = functionsNamespaceObjects(scope, defaultTenancy(prefix, platform));

/** verb, resource.group/name, namespace; `*` is the whole cluster. */
const table: readonly (readonly [may: boolean, verb: string, resource: string, where: string])[] = [
  [true, 'create', 'namespaces', '*'],
  [true, 'patch', 'namespaces', '*'],
  [true, 'delete', 'namespaces', '*'],
  [true, 'list', 'namespaces', '*'],
  [false, 'update', 'namespaces', '*'],
  [true, 'list', 'pods', '*'],
  [true, 'watch', 'pods', '*'],
  [true, 'watch', 'deployments.apps', '*'],
  [true, 'list', 'networkpolicies.networking.k8s.io', '*'],
  [true, 'watch', 'services', '*'],
  [false, 'get', 'services', 'kube-system'],
  [true, 'create', 'rolebindings.rbac.authorization.k8s.io', '*'],
  [true, 'patch', 'rolebindings.rbac.authorization.k8s.io/wherry-controller', '*'],
  [false, 'patch', 'rolebindings.rbac.authorization.k8s.io/another', '*'],
  [false, 'delete', 'rolebindings.rbac.authorization.k8s.io/wherry-controller', '*'],
  [true, 'bind', `clusterroles.rbac.authorization.k8s.io/${prefix}-namespace`, '*'],
  [false, 'bind', 'clusterroles.rbac.authorization.k8s.io/cluster-admin', '*'],
  [false, 'escalate', `clusterroles.rbac.authorization.k8s.io/${prefix}-namespace`, '*'],
  [false, 'create', 'clusterroles.rbac.authorization.k8s.io', '*'],
  [false, 'patch', `clusterroles.rbac.authorization.k8s.io/${prefix}-namespace`, '*'],
  [false, 'create', 'clusterrolebindings.rbac.authorization.k8s.io', '*'],
  [false, 'get', 'nodes', '*'],
  [false, 'list', 'nodes', '*'],
  [false, 'create', 'nodes/proxy', '*'],
  [false, 'create', 'validatingwebhookconfigurations.admissionregistration.k8s.io', '*'],
  [false, 'create', 'mutatingwebhookconfigurations.admissionregistration.k8s.io', '*'],
  [false, 'delete', 'validatingadmissionpolicies.admissionregistration.k8s.io', '*'],
  [false, 'create', 'persistentvolumes', '*'],
  [false, 'impersonate', 'users', '*'],
  [false, 'create', 'customresourcedefinitions.apiextensions.k8s.io', '*'],
  [false, 'list', 'secrets', '*'],
  [false, 'get', 'secrets', 'kube-system'],
  [false, 'list', 'configmaps', 'kube-system'],
  [false, 'get', 'secrets', platform],
  [false, 'list', 'secrets', platform],
  [false, 'patch', 'deployments.apps', platform],
  [false, 'create', 'serviceaccounts/token', platform],
  [true, 'create', 'leases.coordination.k8s.io', platform],
  [true, 'patch', `leases.coordination.k8s.io/${account}`, platform],
  [false, 'patch', 'leases.coordination.k8s.io/another', platform],
  [false, 'create', 'leases.coordination.k8s.io', 'kube-system'],
  [true, 'create', 'deployments.apps', tenants],
  [true, 'patch', 'deployments.apps/scale', tenants],
  [true, 'delete', 'deployments.apps', tenants],
  [true, 'get', 'secrets', tenants],
  [false, 'list', 'secrets', tenants],
  [true, 'create', 'networkpolicies.networking.k8s.io', tenants],
  [true, 'get', 'pods/log', tenants],
  [true, 'patch', 'pods', tenants],
  [true, 'delete', 'pods', tenants],
  [false, 'create', 'pods', tenants],
  [false, 'create', 'pods/exec', tenants],
  [false, 'create', 'pods/ephemeralcontainers', tenants],
  [true, 'create', 'services', tenants],
  [false, 'update', 'services', tenants],
  [false, 'create', 'services', platform],
  [false, 'create', 'endpoints', tenants],
  [false, 'create', 'endpointslices.discovery.k8s.io', tenants],
  [false, 'create', 'jobs.batch', tenants],
  [false, 'create', 'daemonsets.apps', tenants],
  [false, 'create', 'serviceaccounts/token', tenants],
  [false, 'create', 'deployments.apps', `${prefix}-foreign`],
  [false, 'delete', 'pods', `${prefix}-foreign`],
  [false, 'create', 'pods', '*'],
];

describe.skipIf(!isThere)(title, () => {
  const cluster = kubeconfig === undefined ? (undefined as never) : new RawCluster(kubeconfig);

  /** The authorizer's own answer. */
  async function may(verb: string, what: string, where: string): Promise<boolean> {
    const [resourceAndGroup = '', last] = what.split('/');
    const [resource, ...group] = resourceAndGroup.split('.');
    const isSubresource = ['log', 'scale', 'exec', 'token', 'proxy', 'ephemeralcontainers'].includes(last ?? '');
    const named = isSubresource ? { subresource: last } : { name: last };
    const namespace = where === '*' ? undefined : where;
    const resourceAttributes = { verb, resource, group: group.join('.'), namespace, ...named };
    const body = {
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' },
      spec: { user: controller, groups: ['system:serviceaccounts', 'system:authenticated'], resourceAttributes },
    };
    const { object } = await cluster.send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', body);
    return (object.status as { allowed: boolean }).allowed;
  }

  const touch = (name: string) =>
    cluster.send(
      'PATCH',
      `/api/v1/namespaces/${name}?dryRun=All`,
      { metadata: { annotations: { a: 'b' } } },
      controller,
    );

  beforeAll(async () => {
    await cluster.apply(platformNamespace, foreign, tenantsNamespace!, ...roles, ...inside, ...policies);
    await eventually(
      20,
      async () => [
        await may('create', 'deployments.apps', tenants),
        (await touch(foreign.metadata.name)).status >= 400,
      ],
      (answers) => answers.every(Boolean),
    );
  });
  afterAll(() =>
    cluster?.remove(...[...policies].reverse(), ...[...roles].reverse(), tenantsNamespace!, foreign, platformNamespace),
  );

  it('is exactly this', async () => {
    const found: (typeof table)[number][] = [];
    for (const [, verb, resource, where] of table)
      found.push([await may(verb, resource, where), verb, resource, where]);
    expect(found).toEqual(table);
  });

  it('touches no namespace without the labels of this installation, though RBAC would let it', async () => {
    expect((await touch(foreign.metadata.name)).message).toMatch(/keeps namespaces of the installation/);
    expect((await touch('kube-system')).message).toMatch(/keeps namespaces of the installation/);
    expect(await touch(tenants)).toMatchObject({ status: 200 });
    const remove = await cluster.send(
      'DELETE',
      `/api/v1/namespaces/${foreign.metadata.name}?dryRun=All`,
      undefined,
      controller,
    );
    expect(remove.message).toMatch(/keeps namespaces of the installation/);
  });

  it('binds its one role only, and only in namespaces of this installation', async () => {
    const binding = (name: string, namespace: string): Manifest => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'another', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace: platform }],
    });
    const bind = (name: string, namespace: string) =>
      cluster.create(binding(name, namespace), { as: controller, dryRun: true });
    expect(await bind(`${prefix}-namespace`, tenants)).toMatchObject({ status: 201 });
    expect((await bind('cluster-admin', tenants)).message).toMatch(/attempting to grant RBAC permissions/);
    expect((await bind(`${prefix}-namespace`, 'kube-system')).message).toMatch(/writes only in namespaces/);
    expect((await bind(`${prefix}-namespace`, platform)).message).toMatch(/writes only in namespaces/);
  });
});
