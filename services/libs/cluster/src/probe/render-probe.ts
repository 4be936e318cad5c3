import { names, probeNamespace } from '../names';
import type { Manifest } from '../tenancy/functions-namespace';
import { type ControllerPlace, managedNamespace } from '../tenancy/managed-namespace';
import { dnsRule } from '../tenancy/network-policies';
import type { TenancySettings } from '../tenancy/settings';
import { enforcementClient, enforcementServer } from './scripts';

export type ProbeSettings = Readonly<{
  prefix: string;
  /** Any image with `node`, by digest. */
  image: string;
  /** Its `dns` is what functions' policies have: the client asks by the same rule. */
  tenancy: ControllerPlace & Pick<TenancySettings, 'dns'>;
}>;

/** The two servers: one is guarded by a policy for what comes in, the other by one for what the client sends out. */
export const probeServers = ['guarded', 'open'] as const;
export type ProbeServer = (typeof probeServers)[number];
export const probeClient = 'client';
/** Both servers listen on both ports; policies allow the first of them. */
export const [allowedPort, deniedPort] = [8080, 8081];
const role = 'wherry.dev/probe';

/** The namespace with the policies that are tried, in the order in which they are to be applied. Pure. */
export function probeNamespaceObjects({ prefix, tenancy }: ProbeSettings): Manifest[] {
  const namespace = probeNamespace(prefix);
  const labels = { [names.managedBy]: 'wherry', [names.installation]: prefix };
  const metadata = (name: string) => ({ name, namespace, labels });
  const policy = (name: string, spec: object): Manifest => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(name),
    spec,
  });
  const pods = (name: string) => ({ podSelector: { matchLabels: { [role]: name } } });
  const ports = (...numbers: number[]) => numbers.map((port) => ({ protocol: 'TCP', port }));
  return [
    ...managedNamespace({ name: namespace, labels: labels, purpose: 'probe', level: 'restricted' }, tenancy),
    policy('to-guarded', {
      ...pods('guarded'),
      policyTypes: ['Ingress'],
      ingress: [{ from: [pods(probeClient)], ports: ports(allowedPort) }],
    }),
    policy('from-client', {
      ...pods(probeClient),
      policyTypes: ['Egress'],
      egress: [
        { to: [pods('guarded')], ports: ports(allowedPort, deniedPort) },
        { to: [pods('open')], ports: ports(allowedPort) },
        dnsRule(tenancy),
      ],
    }),
  ];
}

export function probeServerDeployment(settings: ProbeSettings, name: ProbeServer): Manifest {
  return deployment(settings, name, [enforcementServer, String(allowedPort), String(deniedPort)]);
}

/** @param addresses of the servers' pods. It says what it found in its termination message, as `ProbeFinding`. */
export function probeClientDeployment(
  settings: ProbeSettings,
  addresses: Readonly<Record<ProbeServer, string>>,
): Manifest {
  const targets = probeServers.flatMap((name) => [
    `${addresses[name]}:${allowedPort}`,
    `${addresses[name]}:${deniedPort}`,
  ]);
  return deployment(settings, probeClient, [enforcementClient, ...targets]);
}

function deployment({ prefix, image }: ProbeSettings, name: string, [script = '', ...args]: string[]): Manifest {
  const labels = { [names.managedBy]: 'wherry', [names.installation]: prefix, [role]: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: probeNamespace(prefix), labels },
    spec: {
      ...{ replicas: 1, revisionHistoryLimit: 0, strategy: { type: 'Recreate' } },
      selector: { matchLabels: { [role]: name } },
      template: {
        metadata: { labels },
        spec: {
          ...{ automountServiceAccountToken: false, enableServiceLinks: false, terminationGracePeriodSeconds: 0 },
          securityContext: {
            ...{ runAsNonRoot: true, runAsUser: 10_000, runAsGroup: 10_000 },
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [container(image, name, ['node', '--input-type=module', '-e', script, '--', ...args])],
        },
      },
    },
  };
}

function container(image: string, name: string, command: string[]) {
  const server = { readinessProbe: { tcpSocket: { port: allowedPort }, periodSeconds: 1 } };
  return {
    ...{ name: 'probe', image, imagePullPolicy: 'IfNotPresent', command },
    ...(name === probeClient ? {} : server),
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
    securityContext: {
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ['ALL'] },
    },
  };
}
