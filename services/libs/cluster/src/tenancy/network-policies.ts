import type { EgressRule } from '@wherry/domain';
import { functionsNamespace, keyOf, names, tenantLabels, type TenantScope } from '../names';
import type { LabelSelector, NetworkPolicy, NetworkPolicySpec, PolicyPort } from '../policy-model/types';
import { exceptionsOf, refusedRanges } from './ipv4';
import type { TenancySettings } from './settings';

/** The port of every function's server. */
export const functionPort = 8080;

/** The label that Kubernetes itself puts on each namespace: nobody can give it another value. */
const namespaceName = 'kubernetes.io/metadata.name';

/**
 * The NetworkPolicies that each functions' namespace has: nothing passes but what is told here. Untrusted code has no way
 * out, whatever its pods are labelled.
 */
export function functionsNetworkPolicies(scope: TenantScope, settings: TenancySettings): NetworkPolicy[] {
  const policy = (name: string, spec: NetworkPolicySpec): NetworkPolicy => policyOf(scope, name, {}, spec);
  const always = [
    policy('default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
    policy('from-gateway', {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { [namespaceName]: settings.platformNamespace } },
              podSelector: { matchLabels: settings.gatewayLabels },
            },
          ],
          ports: [{ protocol: 'TCP', port: functionPort }],
        },
      ],
    }),
  ];
  if (scope.trust === 'untrusted') return always;
  return [
    ...always,
    policy('dns', dnsSpec(settings)),
    policy('internet', {
      podSelector: egressIs('internet'),
      policyTypes: ['Egress'],
      egress: [{ to: [publicBlock('0.0.0.0/0', settings)] }],
    }),
  ];
}

/** A function that may connect nowhere does not ask for names either: questions can carry data out. */
function dnsSpec(settings: TenancySettings): NetworkPolicySpec {
  return { podSelector: egressIs('internet', 'listed'), policyTypes: ['Egress'], egress: [dnsRule(settings)] };
}

/** The way to the cluster's DNS. */
export function dnsRule({ dns }: Pick<TenancySettings, 'dns'>) {
  return {
    to: [
      {
        namespaceSelector: { matchLabels: { [namespaceName]: dns.namespace } },
        podSelector: { matchLabels: dns.podLabels },
      },
    ],
    ports: dns.ports.flatMap((port): PolicyPort[] => [
      { protocol: 'UDP', port },
      { protocol: 'TCP', port },
    ]),
  };
}

/** What a function's own policy is made for: the name is that of the generation's Deployment. */
export type FunctionWays = Readonly<{
  name: string;
  revisionId: string;
  functionName: string;
  environmentId: string;
  /** What it lists; undefined is the public internet, which the namespace's policies open. */
  egress: readonly EgressRule[] | undefined;
  /** Functions of the same environment: which may connect to it, and to which it may connect. */
  callers: readonly string[];
  calls: readonly string[];
}>;

/**
 * The policy of a function with an egress list, with callers, or with others that it may call; null when it has none of
 * these, or is untrusted. It selects the pods of that revision alone, and opens nothing at the other end: who calls needs
 * its own way out, who is called its own way in.
 * @throws RangeError, with a sentence for the developer, for a rule that is not of public IPv4 addresses.
 */
export function functionPolicy(
  scope: TenantScope,
  settings: Pick<TenancySettings, 'refusedRanges'>,
  ways: FunctionWays,
): NetworkPolicy | null {
  const { callers, calls } = ways;
  const listed = ways.egress ?? [];
  if (scope.trust === 'untrusted' || listed.length + callers.length + calls.length === 0) return null;
  const revision = { [names.revision]: keyOf(ways.revisionId) };
  const ports: PolicyPort[] = [{ protocol: 'TCP', port: functionPort }];
  const out = [
    ...listed.map((rule) => egressRule(rule, settings)),
    ...(calls.length > 0 ? [{ to: [{ podSelector: functionsOf(ways.environmentId, calls) }], ports }] : []),
  ];
  const ingress = [{ from: [{ podSelector: functionsOf(ways.environmentId, callers) }], ports }];
  return policyOf(
    scope,
    ways.name,
    { ...revision, [names.function]: ways.functionName },
    {
      podSelector: { matchLabels: { ...revision, [names.egress]: egressLabel(ways.egress) } },
      policyTypes: [
        ...(callers.length > 0 ? ['Ingress' as const] : []),
        ...(out.length > 0 ? ['Egress' as const] : []),
      ],
      ...(callers.length > 0 && { ingress }),
      ...(out.length > 0 && { egress: out }),
    },
  );
}

function egressRule({ cidr, ports }: EgressRule, settings: Pick<TenancySettings, 'refusedRanges'>) {
  return {
    to: [publicBlock(cidr, settings)],
    // Without ports the rule would mean UDP too; a function's list is of TCP.
    ports: ports?.map((port): PolicyPort => ({ protocol: 'TCP', port })) ?? [{ protocol: 'TCP' as const }],
  };
}

/** Pods of exactly these functions of one environment, in the policy's own namespace: of that tenant and trust level. */
function functionsOf(environmentId: string, functionNames: readonly string[]): LabelSelector {
  return {
    matchLabels: { [names.environment]: keyOf(environmentId) },
    matchExpressions: [{ key: names.function, operator: 'In', values: functionNames }],
  };
}

/** The value of the label `wherry.dev/egress` for a revision's egress. */
export function egressLabel(egress: readonly EgressRule[] | undefined): 'internet' | 'listed' | 'none' {
  if (egress === undefined) return 'internet';
  return egress.length === 0 ? 'none' : 'listed';
}

/** A block without what functions may not reach. */
function publicBlock(cidr: string, settings: Pick<TenancySettings, 'refusedRanges'>) {
  const except = exceptionsOf(cidr, [...new Set([...refusedRanges, ...settings.refusedRanges])]);
  return { ipBlock: except.length === 0 ? { cidr } : { cidr, except } };
}

function egressIs(...values: string[]): LabelSelector {
  return { matchExpressions: [{ key: names.egress, operator: 'In', values }] };
}

function policyOf(
  scope: TenantScope,
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: NetworkPolicySpec,
): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: functionsNamespace(scope), labels: { ...tenantLabels(scope), ...labels } },
    spec,
  };
}
