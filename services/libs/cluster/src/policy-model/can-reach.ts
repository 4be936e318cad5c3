import { inBlock, selects } from './selectors';
import type { NetworkPolicy, NetworkPolicySpec, PolicyPeer, PolicyPort, Protocol } from './types';

type Labels = Readonly<Record<string, string>>;

/** `ports`: those that its containers name; only named ports of policies need them. */
export type PodEndpoint = Readonly<{
  kind: 'pod';
  namespace: string;
  labels: Labels;
  address: string;
  ports?: readonly Readonly<{ name: string; port: number; protocol?: Protocol }>[];
}>;

/** Something that no policy selects; `isNode` if it is the node of the pods that it talks to. */
export type AddressEndpoint = Readonly<{ kind: 'address'; address: string; isNode?: boolean }>;

export type Endpoint = PodEndpoint | AddressEndpoint;

/** `namespaces`: the labels of each namespace by its name. */
export type PolicyWorld = Readonly<{
  namespaces: Readonly<Record<string, Labels>>;
  policies: readonly NetworkPolicy[];
}>;

/** `refusedBy` tells whose policies refuse: the sender's (egress) or else the receiver's (ingress). */
export type Verdict = Readonly<{ allowed: true } | { allowed: false; refusedBy: 'egress' | 'ingress' }>;

/**
 * Answers whether NetworkPolicies let `from` open a connection to `to` at a port. Services are not modelled: policies
 * are judged on the pod and the port behind them. A pod always reaches itself, and a node always its own pods.
 * @throws RangeError for policies that the API server would refuse.
 */
export function canReach(
  world: PolicyWorld,
  from: Endpoint,
  to: Endpoint,
  { port, protocol = 'TCP' }: Readonly<{ port: number; protocol?: Protocol }>,
): Verdict {
  if (from.address === to.address) return { allowed: true };
  const at = { port, protocol, to };
  if (from.kind === 'pod' && !passes(world, from, 'Egress', to, at)) return { allowed: false, refusedBy: 'egress' };
  const isOwnNode = from.kind === 'address' && from.isNode === true;
  if (to.kind === 'pod' && !isOwnNode && !passes(world, to, 'Ingress', from, at)) {
    return { allowed: false, refusedBy: 'ingress' };
  }
  return { allowed: true };
}

type Target = Readonly<{ port: number; protocol: Protocol; to: Endpoint }>;
type Direction = 'Ingress' | 'Egress';

/** One direction at one pod: without a policy that selects it for the direction everything passes. */
function passes(world: PolicyWorld, pod: PodEndpoint, direction: Direction, other: Endpoint, at: Target): boolean {
  const isolating = world.policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.namespace &&
      selects(spec.podSelector ?? {}, pod.labels) &&
      policyTypesOf(spec).includes(direction),
  );
  if (isolating.length === 0) return true;
  return isolating.some(({ metadata, spec }) =>
    rulesOf(spec, direction).some(
      ({ peers, ports }) =>
        (peers.length === 0 || peers.some((peer) => isPeer(world, metadata.namespace, peer, other))) &&
        (ports.length === 0 || ports.some((rule) => isPort(rule, at))),
    ),
  );
}

/** What the API server fills in: Ingress always, Egress if there are rules for it. */
export function policyTypesOf(spec: NetworkPolicySpec): readonly Direction[] {
  if (spec.policyTypes !== undefined && spec.policyTypes.length > 0) return spec.policyTypes;
  return (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

function rulesOf(spec: NetworkPolicySpec, direction: Direction) {
  return direction === 'Ingress'
    ? (spec.ingress ?? []).map((rule) => ({ peers: rule.from ?? [], ports: rule.ports ?? [] }))
    : (spec.egress ?? []).map((rule) => ({ peers: rule.to ?? [], ports: rule.ports ?? [] }));
}

function isPeer(world: PolicyWorld, ownNamespace: string, peer: PolicyPeer, other: Endpoint): boolean {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  if (ipBlock !== undefined) {
    if (podSelector !== undefined || namespaceSelector !== undefined) {
      throw new RangeError('A peer of a NetworkPolicy has an ipBlock or selectors, not both.');
    }
    const { cidr, except = [] } = ipBlock;
    return inBlock(other.address, cidr) && !except.some((hole) => inBlock(other.address, hole));
  }
  if (podSelector === undefined && namespaceSelector === undefined) {
    throw new RangeError('A peer of a NetworkPolicy needs a selector or an ipBlock.');
  }
  if (other.kind !== 'pod') return false;
  const isNamespace =
    namespaceSelector === undefined
      ? other.namespace === ownNamespace
      : selects(namespaceSelector, world.namespaces[other.namespace] ?? {});
  return isNamespace && selects(podSelector ?? {}, other.labels);
}

/** A named port is the receiver's, in both directions; an address outside has none. */
function isPort({ port, endPort, protocol = 'TCP' }: PolicyPort, at: Target): boolean {
  if (protocol !== at.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === 'number') return at.port >= port && at.port <= (endPort ?? port);
  const named = at.to.kind === 'pod' ? (at.to.ports ?? []) : [];
  return named.some((own) => own.name === port && own.port === at.port && (own.protocol ?? 'TCP') === at.protocol);
}
