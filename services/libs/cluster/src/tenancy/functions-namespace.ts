import { functionsNamespace, tenantLabels, type TenantScope } from '../names';
import { managedNamespace } from './managed-namespace';
import { functionsNetworkPolicies } from './network-policies';
import type { TenancySettings } from './settings';

/** A Kubernetes object as it is on the wire. */
export type Manifest = Readonly<{
  apiVersion: string;
  kind: string;
  metadata: Readonly<{ name: string; namespace?: string; labels?: Readonly<Record<string, string>> }>;
}> &
  Readonly<Record<string, unknown>>;

/** The ServiceAccount that functions' pods run as. Nothing is bound to it. */
export const functionsServiceAccount = 'function';
/** The Secret by which nodes pull a tenant's images; its content is the controller's to renew. */
export const pullSecretName = 'pull';

/**
 * Everything that a functions' namespace holds before any function does, in the order in which it is to be applied:
 * the namespace, the controller's rights in it, the policies, the limits. All of it is safe to apply again. The pull
 * Secret, whose content is renewed, is `pullSecret`'s.
 */
export function functionsNamespaceObjects(scope: TenantScope, settings: TenancySettings): Manifest[] {
  const namespace = functionsNamespace(scope);
  const metadata = (name: string) => ({ name, namespace, labels: tenantLabels(scope) });
  return [
    ...managedNamespace(
      { name: namespace, labels: tenantLabels(scope), purpose: 'functions', level: 'restricted' },
      settings,
    ),
    ...functionsNetworkPolicies(scope, settings),
    { apiVersion: 'v1', kind: 'ResourceQuota', metadata: metadata('tenant'), spec: { hard: settings.quota } },
    {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: metadata('tenant'),
      spec: { limits: [{ type: 'Container', ...settings.limits }] },
    },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(functionsServiceAccount),
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: pullSecretName }],
    },
  ];
}

/** The Secret by which nodes pull: `password` is a credential for pulls below this tenant's and trust's path. */
export function pullSecret(
  scope: TenantScope,
  registry: Readonly<{ host: string; user: string; password: string }>,
): Manifest {
  const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64');
  const config = {
    auths: { [registry.host]: { username: registry.user, password: registry.password, auth } },
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: pullSecretName, namespace: functionsNamespace(scope), labels: tenantLabels(scope) },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
}
