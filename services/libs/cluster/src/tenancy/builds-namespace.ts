import { buildsNamespace, tenantLabels, type TenantScope } from '../names';
import type { NetworkPolicy, NetworkPolicySpec, PolicyPeer, PolicyPort } from '../policy-model/types';
import type { BuildsSettings } from './builds-settings';
import type { Manifest } from './functions-namespace';
import { managedNamespace } from './managed-namespace';
import type { TenancySettings } from './settings';

/** The port of a build daemon; it speaks to nobody without a certificate of the platform's build CA. */
export const daemonPort = 1234;
/** The ServiceAccount that the daemon runs as. Nothing is bound to it. */
export const buildsServiceAccount = 'buildkitd';
/** What a daemon uses of the node's disk beside its state: logs and small files. */
export const daemonScratchMiB = 256;

const namespaceName = 'kubernetes.io/metadata.name';

/**
 * Everything that a builds' namespace holds before its daemon does, in the order in which it is to be applied. All of it
 * is safe to apply again. The level is privileged, because a rootless daemon needs what `restricted` forbids; what runs
 * here is held by the admission policy instead.
 */
export function buildsNamespaceObjects(
  scope: TenantScope,
  tenancy: TenancySettings,
  builds: BuildsSettings,
): Manifest[] {
  const namespace = buildsNamespace(scope);
  const metadata = (name: string) => ({ name, namespace, labels: tenantLabels(scope) });
  return [
    ...managedNamespace(
      { name: namespace, labels: tenantLabels(scope), purpose: 'builds', level: 'privileged' },
      tenancy,
    ),
    ...buildsNetworkPolicies(scope, tenancy, builds),
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata: metadata('tenant'), spec: { hard: quotaOf(builds) } },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(buildsServiceAccount),
      automountServiceAccountToken: false,
    },
  ];
}

/** One daemon, and the one before it that is on its way out. What a daemon never needs is at zero. */
function quotaOf({ limits, requests }: BuildsSettings): Record<string, string> {
  const storage = limits.diskMiB + daemonScratchMiB;
  return {
    pods: '2',
    'requests.cpu': `${2 * requests.cpuMillicores}m`,
    'requests.memory': `${2 * requests.memoryMiB}Mi`,
    'limits.cpu': `${2 * limits.cpuMillicores}m`,
    'limits.memory': `${2 * limits.memoryMiB}Mi`,
    'limits.ephemeral-storage': `${2 * storage}Mi`,
    'count/deployments.apps': '1',
    'count/statefulsets.apps': '0',
    'count/jobs.batch': '0',
    'count/cronjobs.batch': '0',
    services: '0',
    persistentvolumeclaims: '0',
  };
}

/**
 * The worker comes in; names, the registry, the egress proxy and what the operator adds is all that there is outside. A
 * RUN step shares the daemon's network, so these hold for it too.
 */
export function buildsNetworkPolicies(
  scope: TenantScope,
  tenancy: TenancySettings,
  builds: BuildsSettings,
): NetworkPolicy[] {
  const policy = (name: string, spec: NetworkPolicySpec): NetworkPolicy => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: buildsNamespace(scope), labels: tenantLabels(scope) },
    spec: { podSelector: {}, ...spec },
  });
  const pods = (namespace: string, matchLabels: Readonly<Record<string, string>>): PolicyPeer => ({
    namespaceSelector: { matchLabels: { [namespaceName]: namespace } },
    podSelector: { matchLabels },
  });
  const out = (name: string, peer: PolicyPeer, ports: readonly PolicyPort[]): NetworkPolicy =>
    policy(name, { policyTypes: ['Egress'], egress: [{ to: [peer], ports }] });
  const tcp = (...ports: readonly number[]) => ports.map((port): PolicyPort => ({ protocol: 'TCP', port }));
  const { dns, platformNamespace } = tenancy;
  const { registry, proxy, extraRegistries } = builds;
  return [
    policy('default-deny', { policyTypes: ['Ingress', 'Egress'] }),
    policy('from-worker', {
      policyTypes: ['Ingress'],
      ingress: [{ from: [pods(platformNamespace, builds.workerLabels)], ports: tcp(daemonPort) }],
    }),
    out(
      'dns',
      pods(dns.namespace, dns.podLabels),
      dns.ports.flatMap((port) => [{ protocol: 'UDP', port }, ...tcp(port)]),
    ),
    ...(registry.pods
      ? [out('registry', pods(platformNamespace, registry.pods.labels), tcp(...registry.pods.ports))]
      : []),
    ...(proxy ? [out('proxy', pods(platformNamespace, proxy.labels), tcp(proxy.port))] : []),
    // The policy is there without any, too: applying it is what takes away a registry that the operator removed.
    policy('extra-registries', {
      policyTypes: ['Egress'],
      egress: extraRegistries.map(({ cidr, port }) => ({ to: [{ ipBlock: { cidr } }], ports: tcp(port) })),
    }),
  ];
}
