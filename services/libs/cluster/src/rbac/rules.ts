import type { Manifest } from '../tenancy/functions-namespace';

/** What the roles have to know of an installation; the same as in `AdmissionSettings` and `TenancySettings`. */
export type RbacSettings = Readonly<{
  release: string;
  platformNamespace: string;
  controllerServiceAccount: string;
  /** The ClusterRole that the controller gives itself in each namespace that it makes. */
  namespaceClusterRole: string;
  /** The Leases in the platform's namespace that the controller holds. */
  leases: readonly string[];
}>;

type PolicyRule = Readonly<{
  apiGroups: readonly string[];
  resources: readonly string[];
  verbs: readonly string[];
  resourceNames?: readonly string[];
}>;

const rbacGroup = 'rbac.authorization.k8s.io';
/** The RoleBinding by which the controller gets its rights in a namespace that it made. */
export const controllerBindingName = 'wherry-controller';

/**
 * In the whole cluster: namespaces, a look at what runs, and the binding of one role, which it may bind without having
 * its rights. RBAC cannot say "namespaces of this installation"; the admission policy `confinement` says it.
 */
export function controllerClusterRules({ namespaceClusterRole }: RbacSettings): PolicyRule[] {
  return [
    {
      apiGroups: [''],
      resources: ['namespaces'],
      verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'],
    },
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
    // Compared each minute with what they should be.
    { apiGroups: [''], resources: ['serviceaccounts', 'resourcequotas', 'limitranges'], verbs: ['list'] },
    { apiGroups: [rbacGroup], resources: ['rolebindings'], verbs: ['list'] },
    // A creation cannot be held to a name, as it is checked before there is one.
    { apiGroups: [rbacGroup], resources: ['rolebindings'], verbs: ['create'] },
    {
      apiGroups: [rbacGroup],
      resources: ['rolebindings'],
      resourceNames: [controllerBindingName],
      verbs: ['get', 'patch'],
    },
    { apiGroups: [rbacGroup], resources: ['clusterroles'], resourceNames: [namespaceClusterRole], verbs: ['bind'] },
  ];
}

/** In the namespaces that it made: what functions, build daemons and the probe consist of. */
export function namespaceRules(): PolicyRule[] {
  const keep = ['get', 'create', 'patch'];
  return [
    { apiGroups: ['apps'], resources: ['deployments'], verbs: [...keep, 'update', 'delete'] },
    { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['get', 'patch'] },
    // It makes no pods: it marks those that leave, and removes those that have ended.
    { apiGroups: [''], resources: ['pods'], verbs: ['patch', 'delete'] },
    { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    { apiGroups: [''], resources: ['secrets'], verbs: [...keep, 'delete'] },
    // What kind of Service it may be is said by the admission policy `workloads`.
    { apiGroups: [''], resources: ['services'], verbs: ['create', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['serviceaccounts', 'resourcequotas', 'limitranges'], verbs: keep },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: [...keep, 'delete'] },
  ];
}

/** In the platform's namespace: its own Leases. */
export function leaseRules({ leases }: RbacSettings): PolicyRule[] {
  const apiGroups = ['coordination.k8s.io'];
  return [
    { apiGroups, resources: ['leases'], verbs: ['create'] },
    { apiGroups, resources: ['leases'], resourceNames: leases, verbs: ['get', 'patch'] },
  ];
}

/** Everything that the chart gives the controller's ServiceAccount, in the order in which it is to be applied. */
export function controllerRoles(settings: RbacSettings): Manifest[] {
  const { release, platformNamespace, controllerServiceAccount, namespaceClusterRole } = settings;
  const name = `${release}-controller`;
  const labels = { 'app.kubernetes.io/instance': release };
  const subjects = [{ kind: 'ServiceAccount', name: controllerServiceAccount, namespace: platformNamespace }];
  const apiVersion = `${rbacGroup}/v1`;
  const metadata = { name, labels };
  const inside = { ...metadata, namespace: platformNamespace };
  return [
    { apiVersion, kind: 'ClusterRole', metadata, rules: controllerClusterRules(settings) },
    { apiVersion, kind: 'ClusterRole', metadata: { name: namespaceClusterRole, labels }, rules: namespaceRules() },
    { apiVersion, kind: 'Role', metadata: inside, rules: leaseRules(settings) },
    {
      ...{ apiVersion, kind: 'ClusterRoleBinding', metadata, subjects },
      roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name },
    },
    {
      ...{ apiVersion, kind: 'RoleBinding', metadata: inside, subjects },
      roleRef: { apiGroup: rbacGroup, kind: 'Role', name },
    },
  ];
}
