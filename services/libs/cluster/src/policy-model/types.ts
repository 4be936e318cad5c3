/**
 * The shape of Kubernetes objects as they are on the wire. The generated client classes are not used for them: there a
 * rule's `from` is called `_from`, and a rule that loses its peers on the way allows everybody.
 */
export type LabelSelector = Readonly<{
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly LabelRequirement[];
}>;

export type LabelRequirement = Readonly<{
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: readonly string[];
}>;

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

export type PolicyPeer = Readonly<{
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: Readonly<{ cidr: string; except?: readonly string[] }>;
}>;

export type PolicyPort = Readonly<{ protocol?: Protocol; port?: number | string; endPort?: number }>;

export type NetworkPolicySpec = Readonly<{
  podSelector?: LabelSelector;
  policyTypes?: readonly ('Ingress' | 'Egress')[];
  ingress?: readonly Readonly<{ from?: readonly PolicyPeer[]; ports?: readonly PolicyPort[] }>[];
  egress?: readonly Readonly<{ to?: readonly PolicyPeer[]; ports?: readonly PolicyPort[] }>[];
}>;

export type NetworkPolicy = Readonly<{
  apiVersion: 'networking.k8s.io/v1';
  kind: 'NetworkPolicy';
  metadata: Readonly<{ name: string; namespace: string; labels?: Readonly<Record<string, string>> }>;
  spec: NetworkPolicySpec;
}>;
