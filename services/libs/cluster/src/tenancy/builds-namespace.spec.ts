import { describe, expect, it } from 'vitest';
import { buildsNamespace } from '../names';
import { canReach, type AddressEndpoint, type Endpoint, type PodEndpoint, type PolicyWorld } from '../policy-model';
import { buildDaemonObjects, daemonConfig, daemonLabels, daemonServerName } from './builds-daemon';
import { buildsNamespaceObjects, buildsNetworkPolicies } from './builds-namespace';
import { defaultBuilds, type BuildsSettings } from './builds-settings';
import { defaultTenancy } from './settings';

const scope = { prefix: 'wherry', tenantId: 'ten_06f3k2', trust: 'untrusted' } as const;
const tenancy = defaultTenancy('boat', 'harbour');
const builds: BuildsSettings = {
  ...defaultBuilds('boat', {
    image: `moby/buildkit@sha256:${'a'.repeat(64)}`,
    ...{ registryHost: '10.96.0.50:5000', plainHttp: true, isBundled: true, proxyUrl: 'http://egress.harbour:3128' },
  }),
  extraRegistries: [{ host: 'mirror.example:5000', cidr: '203.0.113.7/32', port: 5000, plainHttp: true }],
  mirrors: { 'docker.io': ['mirror.example:5000/docker.io'] },
};
const tls = { ca: 'CA', cert: 'CERT', key: 'KEY' };
const objects = buildsNamespaceObjects(scope, tenancy, builds);

describe('the objects of a builds’ namespace', () => {
  it('come in the order in which they can be applied, policies before the daemon', () => {
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Namespace wherry-build-06f3k2-untrusted',
      'RoleBinding wherry-controller',
      ...['default-deny', 'from-worker', 'dns', 'registry', 'proxy', 'extra-registries'].map(
        (name) => `NetworkPolicy ${name}`,
      ),
      'ResourceQuota tenant',
      'ServiceAccount buildkitd',
    ]);
  });

  it('are all of one tenant, trust level and installation', () => {
    for (const { metadata } of [...objects, ...buildDaemonObjects(scope, builds, { replicas: 1, tls })]) {
      expect(metadata.labels).toMatchObject({
        'wherry.dev/installation': 'wherry',
        'wherry.dev/tenant': '06f3k2',
        'wherry.dev/trust': 'untrusted',
      });
    }
    expect(objects[0]?.metadata.labels).toMatchObject({
      'wherry.dev/purpose': 'builds',
      'pod-security.kubernetes.io/enforce': 'privileged',
    });
  });
});

describe('who a build daemon and its steps can reach', () => {
  const other = { ...scope, tenantId: 'ten_blue' };
  const own = buildsNamespace(scope);
  const names = [own, buildsNamespace(other), 'harbour', 'kube-system', 'elsewhere'];
  const world: PolicyWorld = {
    namespaces: Object.fromEntries(names.map((name) => [name, { 'kubernetes.io/metadata.name': name }])),
    policies: [scope, other].flatMap((one) => buildsNetworkPolicies(one, tenancy, builds)),
  };
  let last = 0;
  const pod = (namespace: string, labels: Record<string, string>): PodEndpoint => ({
    ...{ kind: 'pod', namespace, labels, address: `10.244.0.${++last}` },
  });
  const platform = (component: string, namespace = 'harbour') =>
    pod(namespace, { 'app.kubernetes.io/instance': 'boat', 'app.kubernetes.io/component': component });
  const daemon = pod(own, daemonLabels);
  const at = (address: string): AddressEndpoint => ({ kind: 'address', address });
  const open = (from: Endpoint, to: Endpoint, port: number) => canReach(world, from, to, { port }).allowed;

  it.each([
    ['the registry', platform('registry'), 5000],
    ['its token service', platform('registry'), 5001],
    ['the egress proxy', platform('egress'), 3128],
    ['the cluster’s DNS', pod('kube-system', { 'k8s-app': 'kube-dns' }), 53],
    ['a registry that the operator added', at('203.0.113.7'), 5000],
  ])('reaches %s', (_what, to, port) => {
    expect(open(daemon, to, port)).toBe(true);
  });

  it.each([
    ['the database’s side of the platform', platform('api'), 3000],
    ['the worker', platform('worker'), 9090],
    ['another port of the registry', platform('registry'), 9090],
    ['a pod elsewhere that calls itself the registry', platform('registry', 'elsewhere'), 5000],
    ['another tenant’s daemon', pod(buildsNamespace(other), daemonLabels), 1234],
    ['a node', at('10.250.0.2'), 10_250],
    ['the API server', at('10.96.0.1'), 443],
    ['a cloud’s metadata', at('169.254.169.254'), 80],
    ['the internet', at('198.51.100.1'), 443],
    ['another port of an added registry', at('203.0.113.7'), 443],
  ])('does not reach %s', (_what, to, port) => {
    expect(open(daemon, to, port)).toBe(false);
  });

  it('is reached by the worker at its own port, and by nobody else', () => {
    expect(open(platform('worker'), daemon, 1234)).toBe(true);
    expect(open(platform('worker'), daemon, 8080)).toBe(false);
    for (const from of [platform('api'), platform('worker', 'elsewhere'), pod(buildsNamespace(other), daemonLabels)])
      expect(open(from, daemon, 1234)).toBe(false);
  });
});

describe('a build daemon', () => {
  const [secret, deployment] = buildDaemonObjects(scope, builds, { replicas: 1, tls });

  it('is rootless, and has nothing of the node and no token of the cluster', () => {
    expect(deployment).toMatchObject({
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        template: {
          spec: {
            automountServiceAccountToken: false,
            serviceAccountName: 'buildkitd',
            securityContext: { runAsNonRoot: true, runAsUser: 1000 },
            containers: [
              {
                image: builds.image,
                securityContext: {
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'], add: ['SETUID', 'SETGID'] },
                },
                resources: { limits: { memory: '2048Mi', 'ephemeral-storage': '20736Mi' } },
              },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(deployment)).not.toMatch(/hostPath|projected|hostNetwork|privileged/);
  });

  it('has the operator’s priority class, and names none without one', () => {
    const [, urgent] = buildDaemonObjects(scope, { ...builds, priorityClass: 'builds' }, { replicas: 1, tls });
    expect(urgent).toMatchObject({ spec: { template: { spec: { priorityClassName: 'builds' } } } });
    expect(JSON.stringify(deployment)).not.toContain('priorityClassName');
  });

  it('is another one when its certificate or its configuration changes', () => {
    const hashOf = (object: unknown) => JSON.stringify(object).match(/"wherry.dev\/settings":"(\w+)"/)?.[1];
    const [, renewed] = buildDaemonObjects(scope, builds, { replicas: 1, tls: { ...tls, cert: 'NEW' } });
    const [, same] = buildDaemonObjects(scope, builds, { replicas: 0, tls });
    expect(hashOf(renewed)).not.toBe(hashOf(deployment));
    expect(hashOf(same)).toBe(hashOf(deployment));
  });

  it('has a name in its certificate that no other tenant’s daemon has', () => {
    expect(daemonServerName(scope)).toBe('buildkitd.wherry-build-06f3k2-untrusted');
  });

  it('gives no step more rights than others, and speaks plain HTTP only where it is told', () => {
    const config = daemonConfig(builds);
    expect(config).toContain('insecure-entitlements = []');
    expect(config).toContain('[registry."10.96.0.50:5000"]\nhttp = true');
    expect(config).toContain('[registry."docker.io"]\nmirrors = ["mirror.example:5000/docker.io"]');
    expect(
      daemonConfig({ ...builds, registry: { ...builds.registry, plainHttp: false }, extraRegistries: [] }),
    ).not.toContain('http = true');
    expect(secret).toMatchObject({ kind: 'Secret', data: { 'tls.key': Buffer.from('KEY').toString('base64') } });
  });
});
