import { names } from '../names';
import type { Manifest } from './functions-namespace';
import type { TenancySettings } from './settings';

/** Who the controller is, and the ClusterRole that it has where it works. */
export type ControllerPlace = Pick<
  TenancySettings,
  'platformNamespace' | 'controllerServiceAccount' | 'namespaceClusterRole'
>;

/** A namespace of this installation, and the controller's rights in it: what every such namespace begins with. */
export function managedNamespace(
  namespace: Readonly<{
    name: string;
    labels: Readonly<Record<string, string>>;
    purpose: 'functions' | 'builds' | 'probe';
    /** Of the Pod Security Standards. */
    level: 'restricted' | 'privileged';
  }>,
  { platformNamespace, controllerServiceAccount, namespaceClusterRole }: ControllerPlace,
): Manifest[] {
  const { name, labels, purpose, level } = namespace;
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        labels: {
          ...labels,
          [names.purpose]: purpose,
          'pod-security.kubernetes.io/enforce': level,
          'pod-security.kubernetes.io/enforce-version': 'latest',
        },
      },
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'wherry-controller', namespace: name, labels },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: namespaceClusterRole },
      subjects: [{ kind: 'ServiceAccount', name: controllerServiceAccount, namespace: platformNamespace }],
    },
  ];
}
