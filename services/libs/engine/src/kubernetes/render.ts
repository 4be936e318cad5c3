import { createHash } from 'node:crypto';
import type { V1Container, V1Deployment, V1PodSpec, V1Probe, V1Secret } from '@kubernetes/client-node';
import {
  callName,
  egressLabel,
  functionPolicy,
  functionPort,
  functionsNamespace,
  generationName,
  imagePath,
  keyOf,
  names,
  tenantLabels,
  type NetworkPolicy,
} from '@wherry/cluster';
import { callsOf, egressOf, type DesiredRevision } from '../engine';

/** What the cluster and the installation decide about every function. */
export type RenderSettings = Readonly<{
  /** Tells installations apart that share a cluster. */
  prefix: string;
  /** `host:port` under which nodes pull. */
  registry: string;
  /** Of the image pull Secret and of the ServiceAccount without rights in the namespace; none when left out. */
  pullSecret?: string;
  serviceAccount?: string;
  /** Names of the cluster's RuntimeClass and PriorityClass; its defaults when left out. */
  runtimeClass?: string;
  priorityClass?: string;
  /** Root inside a container is nobody on its node; the node's runtime must know user namespaces. */
  hasUserNamespaces?: boolean;
  /** IPv4 blocks that an egress list does not open, beside those that are not public: `TenancySettings` has the same. */
  refusedRanges: readonly string[];
  /** From the start of a container until it must have answered its health check. */
  startSeconds: number;
  /** From SIGTERM to SIGKILL. */
  graceSeconds: number;
}>;

/** All that there is of one generation. The Deployment owns the others, so they go with it. */
export type RenderedGeneration = Readonly<{
  deployment: V1Deployment;
  secret: V1Secret | null;
  networkPolicy: NetworkPolicy | null;
}>;

export const containerName = 'function';
export const healthPath = '/_/health';
const secretsPath = '/var/openfaas/secrets';
/** Whatever user an image names: one that is not a number could not be told from root, and nothing runs as root. */
export const functionUid = 10_000;
/** Asked for when stack.yml says nothing; the limit holds all the same. */
const defaultCpuRequestMillicores = 50;

/** Where a generation's objects are. */
export type GenerationId = Readonly<{ namespace: string; name: string }>;

/**
 * Where the objects of a revision are. Pure. The name tells everything that a pod is made of apart: the revision, the
 * version of its secrets, and how this version of Wherry renders it with these settings. So a template never changes,
 * Kubernetes never rolls, and another setting or another Wherry makes a new generation, which takes over as any other.
 */
export function identify(revision: DesiredRevision, settings: RenderSettings): GenerationId {
  const template = JSON.stringify([labelsOf(revision, settings.prefix, ''), podSpecOf(revision, settings, '')]);
  const shape = createHash('sha256').update(template).digest('hex').slice(0, 6);
  return {
    namespace: functionsNamespace({ ...revision, prefix: settings.prefix }),
    name: `${generationName(revision.revisionId, revision.secretsVersion)}-${shape}`,
  };
}

/** The part of a generation's name that says which secrets it has: what `generationName` makes. */
export function secretsNameOf(generation: string): string {
  return generation.slice(0, generation.lastIndexOf('-'));
}

/**
 * Renders one generation of a revision. Pure. The Deployment has no replicas: it is scaled once its Secret and its
 * NetworkPolicy are there, so that no pod ever runs without them. Labels and annotations of stack.yml are not copied:
 * NetworkPolicies and Wherry itself select by labels.
 * @throws RangeError, with a sentence for the developer, for an egress list that is not of public IPv4 addresses.
 */
export function renderGeneration(revision: DesiredRevision, settings: RenderSettings): RenderedGeneration {
  const { name, namespace } = identify(revision, settings);
  const { prefix } = settings;
  const egress = egressOf(revision);
  const labels = labelsOf(revision, prefix, name);
  const metadata = { name, namespace, labels };
  return {
    deployment: {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
      spec: {
        ...{ replicas: 0, revisionHistoryLimit: 0 },
        selector: { matchLabels: { [names.generation]: name } },
        template: {
          metadata: { labels: { ...labels, [names.egress]: egressLabel(egress) } },
          spec: podSpecOf(revision, settings, name),
        },
      },
    },
    secret: revision.secrets.size === 0 ? null : secretOf(revision, metadata),
    networkPolicy: networkPolicyOf(revision, settings, metadata),
  };
}

function labelsOf(revision: DesiredRevision, prefix: string, generation: string): Record<string, string> {
  const { callers, calls } = callsOf(revision);
  return {
    ...(callers.length + calls.length > 0 && { [names.environment]: keyOf(revision.environmentId) }),
    ...tenantLabels({ ...revision, prefix }),
    [names.revision]: keyOf(revision.revisionId),
    [names.function]: revision.functionName,
    [names.generation]: generation,
  };
}

function podSpecOf(revision: DesiredRevision, settings: RenderSettings, name: string): V1PodSpec {
  const hasSecrets = revision.secrets.size > 0;
  return {
    ...{ automountServiceAccountToken: false, enableServiceLinks: false },
    terminationGracePeriodSeconds: settings.graceSeconds,
    ...(settings.serviceAccount && { serviceAccountName: settings.serviceAccount }),
    ...(settings.runtimeClass && { runtimeClassName: settings.runtimeClass }),
    ...(settings.priorityClass && { priorityClassName: settings.priorityClass }),
    ...(settings.hasUserNamespaces && { hostUsers: false }),
    ...(settings.pullSecret && { imagePullSecrets: [{ name: settings.pullSecret }] }),
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: functionUid, runAsGroup: functionUid },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [
      {
        ...{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
        labelSelector: { matchLabels: { [names.generation]: name } },
      },
    ],
    containers: [containerOf(revision, settings, hasSecrets)],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
      ...(hasSecrets ? [{ name: 'secrets', secret: { secretName: name, defaultMode: 0o444 } }] : []),
    ],
  };
}

function containerOf(revision: DesiredRevision, settings: RenderSettings, hasSecrets: boolean): V1Container {
  const { config, tenantId, trust, functionName, artifactDigest } = revision;
  return {
    name: containerName,
    image: `${settings.registry}/${imagePath(tenantId, trust, functionName)}@${artifactDigest}`,
    imagePullPolicy: 'IfNotPresent',
    env: environmentOf(revision, settings.prefix),
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
    startupProbe: {
      ...{ httpGet: healthCheck, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: settings.startSeconds },
      terminationGracePeriodSeconds: 5,
    },
    // One that computes does not answer; only one that is silent for half a minute is sent no more calls.
    readinessProbe: { httpGet: healthCheck, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    // The end of a crashed container's output comes with its status, so a crash is told with its last lines at once.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

const healthCheck: V1Probe['httpGet'] = { path: healthPath, port: functionPort };

/** The platform's own names win over those of stack.yml, which win over the defaults. */
function environmentOf(revision: DesiredRevision, prefix: string): { name: string; value: string }[] {
  const port = String(functionPort);
  const values = {
    ...{ HOME: '/tmp', OPENFAAS_NAME: revision.functionName },
    ...revision.config.environment,
    ...{ WHERRY_LISTEN: port, PORT: port },
    ...Object.fromEntries(callsOf(revision).calls.map((callee) => callVariable(revision, prefix, callee))),
  };
  // Kubernetes replaces $(NAME) in values; a doubled dollar sign keeps a value as it was written.
  return Object.entries(values).map(([name, value]) => ({ name, value: value.replaceAll('$(', '$$$$(') }));
}

/** Tells a function where one is that it may call. Names of functions hold no underscores, so no two meet here. */
function callVariable(revision: DesiredRevision, prefix: string, callee: string): [name: string, value: string] {
  const host = `${callName(revision.environmentId, callee)}.${functionsNamespace({ ...revision, prefix })}.svc`;
  return [`WHERRY_CALL_${callee.toUpperCase().replaceAll('-', '_')}`, `http://${host}:${functionPort}`];
}

type Metadata = Readonly<{ name: string; namespace: string; labels: Record<string, string> }>;

function secretOf({ secrets }: DesiredRevision, metadata: Metadata): V1Secret {
  const data = Object.fromEntries([...secrets].map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', immutable: true, data };
}

function networkPolicyOf(revision: DesiredRevision, settings: RenderSettings, { name, labels }: Metadata) {
  const ways = { ...revision, ...callsOf(revision), name, egress: egressOf(revision) };
  const policy = functionPolicy({ ...revision, prefix: settings.prefix }, settings, ways);
  return policy && { ...policy, metadata: { ...policy.metadata, labels } };
}
