/** Names one object. */
export type ObjectRef = Readonly<{
  apiVersion: string;
  kind: string;
  metadata: Readonly<{ name: string; namespace?: string }>;
}>;

/** The kinds that Wherry touches, and how paths write them. */
const plurals: Readonly<Record<string, string>> = {
  Deployment: 'deployments',
  Event: 'events',
  LimitRange: 'limitranges',
  Lease: 'leases',
  Namespace: 'namespaces',
  NetworkPolicy: 'networkpolicies',
  Pod: 'pods',
  ResourceQuota: 'resourcequotas',
  RoleBinding: 'rolebindings',
  Secret: 'secrets',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
};

/** Where an object is in the API; without a name, where those of its kind are. */
export function resourcePath({ apiVersion, kind, metadata }: ObjectRef): string {
  const plural = plurals[kind];
  if (plural === undefined) throw new RangeError(`No path is known for the kind ${kind}.`);
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${encodeURIComponent(metadata.namespace)}`;
  return `${group}${namespace}/${plural}${metadata.name === '' ? '' : `/${encodeURIComponent(metadata.name)}`}`;
}
