import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionsNamespace, type TenantScope } from '../names';
import { functionsNamespaceObjects, functionsServiceAccount } from './functions-namespace';
import { defaultTenancy } from './settings';
import { RawCluster, restrictedPod } from './testing/raw-cluster';

const { WHERRY_TEST_KUBECONFIG: kubeconfig } = process.env;
const title = 'Pod Security of a functions’ namespace (bring a cluster up with `npm run testcluster -- up`)';
const scope: TenantScope = { prefix: `ps${randomBytes(3).toString('hex')}`, tenantId: 'ten_red', trust: 'trusted' };
const namespace = functionsNamespace(scope);
const objects = functionsNamespaceObjects(scope, defaultTenancy('wherry', 'wherry'));
const safe = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const resources = (memory: string) => ({ requests: { cpu: '10m', memory }, limits: { memory } });

/** A pod per violation: what it changes of an admitted pod, and what the refusal says. */
const violations: [string, { container?: object; spec?: object }, RegExp][] = [
  [
    'a privileged container',
    { container: { securityContext: { ...safe, allowPrivilegeEscalation: true, privileged: true } } },
    /privileged/,
  ],
  [
    'more rights than at its start',
    { container: { securityContext: { ...safe, allowPrivilegeEscalation: true } } },
    /allowPrivilegeEscalation != false/,
  ],
  [
    'capabilities left',
    { container: { securityContext: { allowPrivilegeEscalation: false } } },
    /unrestricted capabilities/,
  ],
  [
    'a capability added',
    { container: { securityContext: { ...safe, capabilities: { drop: ['ALL'], add: ['NET_RAW'] } } } },
    /NET_RAW/,
  ],
  ['the root user', { container: { securityContext: { ...safe, runAsUser: 0 } } }, /runAsUser=0/],
  [
    'no word on the user',
    { spec: { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } } },
    /runAsNonRoot != true/,
  ],
  ['no seccomp profile', { spec: { securityContext: { runAsNonRoot: true, runAsUser: 10000 } } }, /seccompProfile/],
  [
    'an unconfined seccomp profile',
    { container: { securityContext: { ...safe, seccompProfile: { type: 'Unconfined' } } } },
    /seccompProfile/,
  ],
  ['the node’s network', { spec: { hostNetwork: true } }, /hostNetwork=true/],
  ['the node’s processes', { spec: { hostPID: true } }, /hostPID=true/],
  ['the node’s shared memory', { spec: { hostIPC: true } }, /hostIPC=true/],
  ['a port of the node', { container: { ports: [{ containerPort: 8080, hostPort: 8080 }] } }, /hostPort/],
  ['a folder of the node', { spec: { volumes: [{ name: 'root', hostPath: { path: '/' } }] } }, /hostPath/],
  [
    'a kernel setting',
    {
      spec: {
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 10000,
          seccompProfile: { type: 'RuntimeDefault' },
          sysctls: [{ name: 'kernel.msgmax', value: '1' }],
        },
      },
    },
    /forbidden sysctls/,
  ],
  [
    'an unmasked /proc',
    { container: { securityContext: { ...safe, procMount: 'Unmasked' } }, spec: { hostUsers: false } },
    /procMount/,
  ],
  [
    'more memory than one container may have',
    { container: { resources: resources('8Gi') } },
    /maximum memory usage per Container is 4Gi/,
  ],
];

describe.skipIf(kubeconfig === undefined)(title, () => {
  const cluster = kubeconfig === undefined ? (undefined as never) : new RawCluster(kubeconfig);
  const create = (change: { container?: object; spec?: object }) =>
    cluster.create(restrictedPod({ name: 'p', namespace }, { image: 'registry.example/f', ...change }), {
      dryRun: true,
    });

  beforeAll(() => cluster.apply(...objects));
  afterAll(() => cluster.remove(objects[0]!));

  it('admits the pod that the violations are made of', async () => {
    const spec = { serviceAccountName: functionsServiceAccount };
    expect(await create({ spec })).toMatchObject({ status: 201, object: { kind: 'Pod' } });
  });

  it.each(violations)('refuses %s, and tells it', async (_, change, reason) => {
    const { status, message } = await create(change);
    expect(message).toMatch(reason);
    expect(status).toBe(403);
  });

  it('refuses what functions never need, by the quota', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's', namespace },
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    };
    const { status, message } = await cluster.create(service);
    expect(message).toMatch(/exceeded quota: tenant, requested: services.nodeports=1/);
    expect(status).toBe(403);
  });
});
