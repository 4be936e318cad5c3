import type { V1Container, V1Deployment, V1NetworkPolicy, V1PodSpec, V1Probe, V1Secret } from '@kubernetes/client-node';
import { functionsNamespace, generationName, imagePath, keyOf, names, tenantLabels } from '@wherry/cluster';
import type { DesiredRevision } from '../engine';

/** What the cluster and the installation decide about every function. */
export type RenderSettings = Readonly<{
  /** Tells installations apart that share a cluster. */
  prefix: string;
  /** `host:port` under which nodes pull. */
  registry: string;
  /** Of the image pull Secret and of the ServiceAccount without rights in the namespace; none when left out. */
  pullSecret?: string;
  serviceAccount?: string;
  runtimeClass?: string;
  /** From the start of a container until it must have answered its health check. */
  startSeconds: number;
  /** From SIGTERM to SIGKILL. */
  graceSeconds: number;
}>;

/** All that there is of one generation. The Deployment owns the others, so they go with it. */
export type RenderedGeneration = Readonly<{
  deployment: V1Deployment;
  secret: V1Secret | null;
  networkPolicy: V1NetworkPolicy | null;
}>;

export const containerName = 'function';
export const functionPort = 8080;
export const healthPath = '/_/health';
const secretsPath = '/var/openfaas/secrets';
const functionUid = 10_000;
/** Asked for when stack.yml says nothing; the limit holds all the same. */
const defaultCpuRequestMillicores = 50;

/**
 * Renders one generation of a revision. Pure. The Deployment has no replicas: it is scaled once its Secret and its
 * NetworkPolicy are there, so that no pod ever runs without them. Labels and annotations of stack.yml are not copied:
 * NetworkPolicies and Wherry itself select by labels.
 */
export function renderGeneration(revision: DesiredRevision, settings: RenderSettings): RenderedGeneration {
  const name = generationName(revision.revisionId, revision.secretsVersion);
  const namespace = functionsNamespace({ ...revision, prefix: settings.prefix });
  const labels = labelsOf(revision, settings.prefix);
  const metadata = { name, namespace, labels };
  return {
    deployment: {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
      spec: {
        ...{ replicas: 0, revisionHistoryLimit: 0 },
        selector: { matchLabels: { [names.generation]: name } },
        template: {
          metadata: { labels: { ...labels, [names.egress]: egressOf(revision) } },
          spec: podSpecOf(revision, settings, name),
        },
      },
    },
    secret: revision.secrets.size === 0 ? null : secretOf(revision, metadata),
    networkPolicy: egressOf(revision) === 'listed' ? networkPolicyOf(revision, metadata) : null,
  };
}

function labelsOf(revision: DesiredRevision, prefix: string): Record<string, string> {
  return {
    ...tenantLabels({ ...revision, prefix }),
    [names.revision]: keyOf(revision.revisionId),
    [names.function]: revision.functionName,
    [names.generation]: generationName(revision.revisionId, revision.secretsVersion),
  };
}

function egressOf({ config }: DesiredRevision): 'internet' | 'listed' | 'none' {
  if (!config.egress) return 'internet';
  return config.egress.length === 0 ? 'none' : 'listed';
}

function podSpecOf(revision: DesiredRevision, settings: RenderSettings, secretName: string): V1PodSpec {
  const hasSecrets = revision.secrets.size > 0;
  return {
    ...{ automountServiceAccountToken: false, enableServiceLinks: false },
    terminationGracePeriodSeconds: settings.graceSeconds,
    ...(settings.serviceAccount && { serviceAccountName: settings.serviceAccount }),
    ...(settings.runtimeClass && { runtimeClassName: settings.runtimeClass }),
    ...(settings.pullSecret && { imagePullSecrets: [{ name: settings.pullSecret }] }),
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: functionUid, runAsGroup: functionUid },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [containerOf(revision, settings, hasSecrets)],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
      ...(hasSecrets ? [{ name: 'secrets', secret: { secretName, defaultMode: 0o444 } }] : []),
    ],
  };
}

function containerOf(revision: DesiredRevision, settings: RenderSettings, hasSecrets: boolean): V1Container {
  const { config, tenantId, trust, functionName, artifactDigest } = revision;
  return {
    name: containerName,
    image: `${settings.registry}/${imagePath(tenantId, trust, functionName)}@${artifactDigest}`,
    imagePullPolicy: 'IfNotPresent',
    env: environmentOf(revision),
    ports: [{ containerPort: functionPort, protocol: 'TCP' }],
    resources: {
      requests: {
        memory: config.requests.memory?.replace(/K$/, 'k') ?? `${config.memoryMiB}Mi`,
        cpu: config.requests.cpu ?? `${Math.min(defaultCpuRequestMillicores, config.cpuMillicores)}m`,
      },
      limits: { memory: `${config.memoryMiB}Mi`, cpu: `${config.cpuMillicores}m` },
    },
    securityContext: {
      ...{ allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      ...(hasSecrets ? [{ name: 'secrets', mountPath: secretsPath, readOnly: true }] : []),
    ],
    startupProbe: { ...probe, failureThreshold: settings.startSeconds, terminationGracePeriodSeconds: 5 },
    readinessProbe: { ...probe, failureThreshold: 3 },
    // The end of a crashed container's output comes with its status, so a crash is told with its last lines at once.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

const probe: V1Probe = { httpGet: { path: healthPath, port: functionPort }, periodSeconds: 1, timeoutSeconds: 2 };

/** The platform's own names win over those of stack.yml, which win over the defaults. */
function environmentOf(revision: DesiredRevision): { name: string; value: string }[] {
  const port = String(functionPort);
  const values = {
    ...{ HOME: '/tmp', OPENFAAS_NAME: revision.functionName },
    ...revision.config.environment,
    ...{ WHERRY_LISTEN: port, PORT: port },
  };
  // Kubernetes replaces $(NAME) in values; a doubled dollar sign keeps a value as it was written.
  return Object.entries(values).map(([name, value]) => ({ name, value: value.replaceAll('$(', '$$$$(') }));
}

type Metadata = Readonly<{ name: string; namespace: string; labels: Record<string, string> }>;

function secretOf({ secrets }: DesiredRevision, metadata: Metadata): V1Secret {
  const data = Object.fromEntries([...secrets].map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', immutable: true, data };
}

function networkPolicyOf({ config }: DesiredRevision, metadata: Metadata): V1NetworkPolicy {
  const egress = (config.egress ?? []).map(({ cidr, ports }) => ({
    to: [{ ipBlock: { cidr } }],
    // Without ports every TCP port is meant; other protocols stay shut.
    ports: ports ? ports.map((port) => ({ protocol: 'TCP', port })) : [{ protocol: 'TCP' }],
  }));
  return {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata },
    spec: {
      podSelector: { matchLabels: { [names.generation]: metadata.name } },
      policyTypes: ['Egress'],
      egress,
    },
  };
}
