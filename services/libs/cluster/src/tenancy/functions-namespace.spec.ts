import { describe, expect, it } from 'vitest';
import { functionsNamespaceObjects, pullSecret, pullSecretName } from './functions-namespace';
import { defaultTenancy } from './settings';

const scope = { prefix: 'wherry', tenantId: 'ten_06f3k2', trust: 'trusted' } as const;
const settings = defaultTenancy('boat', 'harbour');
const objects = functionsNamespaceObjects(scope, settings);
const named = (kind: string, name?: string) =>
  objects.find((object) => object.kind === kind && (name === undefined || object.metadata.name === name));

describe('the objects of a functions’ namespace', () => {
  it('come in the order in which they can be applied, policies before all that runs', () => {
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Namespace wherry-fn-06f3k2-trusted',
      'RoleBinding wherry-controller',
      'NetworkPolicy default-deny',
      'NetworkPolicy from-gateway',
      'NetworkPolicy dns',
      'NetworkPolicy internet',
      'ResourceQuota tenant',
      'LimitRange tenant',
      'ServiceAccount function',
    ]);
  });

  it('are all of one tenant, trust level and installation, in its namespace', () => {
    for (const { kind, metadata } of objects) {
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/managed-by': 'wherry',
        'wherry.dev/installation': 'wherry',
        'wherry.dev/tenant': '06f3k2',
        'wherry.dev/trust': 'trusted',
      });
      expect(metadata.namespace).toBe(kind === 'Namespace' ? undefined : 'wherry-fn-06f3k2-trusted');
    }
  });

  it('enforce Pod Security restricted', () => {
    expect(named('Namespace')?.metadata.labels).toMatchObject({
      'wherry.dev/purpose': 'functions',
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  });

  it('give rights to the controller alone, and no token to functions', () => {
    expect(named('RoleBinding')).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: 'boat-namespace' },
      subjects: [{ kind: 'ServiceAccount', name: 'boat-controller', namespace: 'harbour' }],
    });
    expect(named('ServiceAccount')).toMatchObject({
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: pullSecretName }],
    });
  });

  it('limit the tenant and each container', () => {
    const outside = { 'services.nodeports': '0', 'services.loadbalancers': '0' };
    expect(named('ResourceQuota')).toMatchObject({ spec: { hard: { pods: '200', services: '5000', ...outside } } });
    expect(named('LimitRange')).toMatchObject({ spec: { limits: [{ type: 'Container', max: { memory: '4Gi' } }] } });
  });
});

it('the pull Secret is in the form that nodes read', () => {
  const secret = pullSecret(scope, { host: 'registry.example', user: 'wherry', password: 'p:w' });
  const data = secret.data as Record<string, string>;
  expect(secret.type).toBe('kubernetes.io/dockerconfigjson');
  expect(JSON.parse(Buffer.from(data['.dockerconfigjson']!, 'base64').toString())).toEqual({
    auths: { 'registry.example': { username: 'wherry', password: 'p:w', auth: 'd2hlcnJ5OnA6dw==' } },
  });
});
