type Labels = Readonly<Record<string, string>>;

/** What decides how tenants' namespaces look, beside the tenant. All of it is the operator's. */
export type TenancySettings = Readonly<{
  /** The namespace of the platform's own processes. */
  platformNamespace: string;
  /** The controller's ServiceAccount in that namespace, and the ClusterRole that it gets in tenants' namespaces. */
  controllerServiceAccount: string;
  namespaceClusterRole: string;
  /** Labels of the gateway's pods in the platform's namespace. */
  gatewayLabels: Labels;
  /** The cluster's DNS. Policies meet the ports of its pods, not of its Service; those are not 53 everywhere. */
  dns: Readonly<{ namespace: string; podLabels: Labels; ports: readonly number[] }>;
  /** IPv4 blocks that functions may not reach, beside the private ones: public addresses of nodes or the API server. */
  refusedRanges: readonly string[];
  quota: Labels;
  /** Of one container: the most it may have, and what it has when it does not say. Kubernetes' quantities. */
  limits: Readonly<{ max: Labels; default: Labels; defaultRequest: Labels }>;
}>;

/** The settings of a plain installation, from the chart's release name and namespace. */
export function defaultTenancy(release: string, platformNamespace: string): TenancySettings {
  return {
    platformNamespace,
    controllerServiceAccount: `${release}-controller`,
    namespaceClusterRole: `${release}-namespace`,
    gatewayLabels: { 'app.kubernetes.io/instance': release, 'app.kubernetes.io/component': 'gateway' },
    dns: { namespace: 'kube-system', podLabels: { 'k8s-app': 'kube-dns' }, ports: [53] },
    refusedRanges: [],
    quota: defaultQuota,
    limits: {
      max: { cpu: '4', memory: '4Gi', 'ephemeral-storage': '2Gi' },
      default: { cpu: '1', memory: '128Mi', 'ephemeral-storage': '256Mi' },
      defaultRequest: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '16Mi' },
    },
  };
}

/**
 * Idle functions cost objects, busy ones pods. What functions never need is at zero, so that a stolen controller token
 * cannot open the cluster to the outside with it: a Service is for calls inside of it, and has no port of the nodes.
 */
const defaultQuota: Labels = {
  pods: '200',
  'requests.cpu': '20',
  'requests.memory': '40Gi',
  'limits.memory': '40Gi',
  'requests.ephemeral-storage': '20Gi',
  'limits.ephemeral-storage': '100Gi',
  'count/deployments.apps': '5000',
  'count/secrets': '5001',
  'count/networkpolicies.networking.k8s.io': '5004',
  'count/statefulsets.apps': '0',
  'count/jobs.batch': '0',
  'count/cronjobs.batch': '0',
  services: '5000',
  'services.nodeports': '0',
  'services.loadbalancers': '0',
  persistentvolumeclaims: '0',
};
