import { createHash } from 'node:crypto';
import { buildsNamespace, tenantLabels, type TenantScope } from '../names';
import { buildsServiceAccount, daemonPort, daemonScratchMiB } from './builds-namespace';
import type { BuildsSettings } from './builds-settings';
import type { Manifest } from './functions-namespace';

/** The name of the daemon's Deployment and of its Secret. */
export const daemonName = 'buildkitd';
/** The label of a daemon's pods, beside the tenant's. */
export const daemonLabels = { 'app.kubernetes.io/name': daemonName } as const;

/** What is mounted: PEM texts. `ca` signed the clients that may come; `cert` names `daemonServerName`. */
export type DaemonTls = Readonly<{ ca: string; cert: string; key: string }>;

const folders = {
  settings: '/etc/wherry',
  state: '/home/user/.local/share/buildkit',
  runtime: '/run/user/1000',
  temporary: '/tmp',
} as const;
/** The user of the public rootless image: its /etc/subuid gives this one the ids of a user namespace. */
const user = 1000;

/**
 * The name in a daemon's certificate. One for each tenant and trust level: a step that broke out into its own daemon must
 * not pass for another one with its key when an address is used again.
 */
export function daemonServerName(scope: TenantScope): string {
  return `${daemonName}.${buildsNamespace(scope)}`;
}

/**
 * The daemon: a Secret with its certificate and configuration, and a Deployment with 0 or 1 replicas. A change of
 * either rolls it, by a hash in the pods' annotations: buildkitd reads both only when it starts.
 */
export function buildDaemonObjects(
  scope: TenantScope,
  builds: BuildsSettings,
  daemon: Readonly<{ replicas: 0 | 1; tls: DaemonTls }>,
): Manifest[] {
  const labels = { ...tenantLabels(scope), ...daemonLabels };
  const metadata = { name: daemonName, namespace: buildsNamespace(scope), labels };
  const files = {
    'ca.crt': daemon.tls.ca,
    'tls.crt': daemon.tls.cert,
    'tls.key': daemon.tls.key,
    'buildkitd.toml': daemonConfig(builds),
    runc: runcWrapper(builds.limits.processes),
  };
  const data = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, base64(text)]));
  const hash = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: daemon.replicas,
        revisionHistoryLimit: 0,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: daemonLabels },
        template: { metadata: { labels, annotations: { 'wherry.dev/settings': hash } }, spec: podSpec(builds) },
      },
    },
  ];
}

function podSpec(builds: BuildsSettings) {
  return {
    serviceAccountName: buildsServiceAccount,
    ...(builds.priorityClass && { priorityClassName: builds.priorityClass }),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      // The daemon makes namespaces and mounts, which the default profiles refuse. It has the rights of its user only.
      seccompProfile: { type: 'Unconfined' },
      appArmorProfile: { type: 'Unconfined' },
    },
    containers: [container(builds)],
    volumes: [
      { name: 'settings', secret: { secretName: daemonName, defaultMode: 0o550 } },
      { name: 'state', emptyDir: { sizeLimit: `${builds.limits.diskMiB}Mi` } },
      { name: 'runtime', emptyDir: { sizeLimit: '64Mi' } },
      { name: 'temporary', emptyDir: { sizeLimit: '64Mi' } },
    ],
  };
}

function container(builds: BuildsSettings) {
  const { image, limits, requests } = builds;
  const storage = `${limits.diskMiB + daemonScratchMiB}Mi`;
  return {
    name: daemonName,
    image,
    // Blocks of 512 bytes. What asks for more than these two gets an error at once, and not the node a full disk.
    command: [
      'sh',
      '-c',
      `ulimit -f ${limits.diskMiB * 1_024} && ulimit -p ${limits.processes + keptProcesses} && exec rootlesskit "$@"`,
      'sh',
    ],
    args: ['buildkitd', '--config', `${folders.settings}/buildkitd.toml`],
    env: Object.entries(environment(builds)).map(([name, value]) => ({ name, value })),
    ports: [{ name: 'buildkit', containerPort: daemonPort, protocol: 'TCP' }],
    readinessProbe: { tcpSocket: { port: daemonPort }, periodSeconds: 1, failureThreshold: 10 },
    resources: {
      limits: { cpu: `${limits.cpuMillicores}m`, memory: `${limits.memoryMiB}Mi`, 'ephemeral-storage': storage },
      requests: {
        cpu: `${requests.cpuMillicores}m`,
        memory: `${requests.memoryMiB}Mi`,
        'ephemeral-storage': `${daemonScratchMiB}Mi`,
      },
    },
    securityContext: {
      readOnlyRootFilesystem: true,
      // newuidmap has file capabilities, which count as an escalation. Nothing else in the image has any.
      allowPrivilegeEscalation: true,
      capabilities: { drop: ['ALL'], add: ['SETUID', 'SETGID'] },
    },
    volumeMounts: Object.entries(folders).map(([name, mountPath]) => ({
      name,
      mountPath,
      ...(name === 'settings' && { readOnly: true }),
    })),
  };
}

/** The daemon itself takes base images through the proxy; its RUN steps get theirs as build arguments. */
function environment(builds: BuildsSettings): Record<string, string> {
  const own = {
    HOME: '/home/user',
    USER: 'user',
    XDG_RUNTIME_DIR: folders.runtime,
    TMPDIR: folders.temporary,
  };
  if (builds.proxy === null) return own;
  const { url } = builds.proxy;
  return { ...own, HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: directHosts(builds).join(',') };
}

/** Hosts that are not asked for through the proxy, with their ports left out, as NO_PROXY wants them. */
export function directHosts({ registry, extraRegistries }: BuildsSettings): string[] {
  const bundled = registry.pods === null ? [] : [registry.host];
  const hosts = [...bundled, ...extraRegistries.map(({ host }) => host)].map((host) => host.replace(/:\d+$/, ''));
  return ['localhost', '127.0.0.1', ...new Set(hosts)];
}

/** Which steps cannot take: with none left the daemon could not start what ends a step. */
const keptProcesses = 256;

/**
 * What the daemon starts in place of runc. Without a process sandbox BuildKit gives a step no PID namespace, only because
 * that usually comes with a /proc of its own. Then whatever a step leaves running outlives it, also one that was
 * cancelled, and can end the daemon. A PID namespace with the daemon's /proc works, and ends with the step. All processes
 * are one user's, and counted together.
 */
function runcWrapper(processes: number): string {
  const limit = `{"type":"RLIMIT_NPROC","hard":${processes},"soft":${processes}}`;
  return `#!/bin/sh
set -e
before=
for argument; do
  if [ "$before" = --bundle ]; then
    sed -i -e 's/"namespaces":\\[/&{"type":"pid"},/' -e 's/"process":{/&"rlimits":[${limit}],/' "$argument/config.json"
    grep -q '"type":"pid"' "$argument/config.json"
    grep -q RLIMIT_NPROC "$argument/config.json"
  fi
  before=$argument
done
if command -v buildkit-runc >/dev/null; then exec buildkit-runc "$@"; fi
exec runc "$@"
`;
}

/** buildkitd.toml. JSON's strings and lists are TOML's too. */
export function daemonConfig(builds: BuildsSettings): string {
  const { limits, registry, extraRegistries, mirrors } = builds;
  const plain = [registry, ...extraRegistries].filter(({ plainHttp }) => plainHttp).map(({ host }) => host);
  const settings = folders.settings;
  const lines = [
    `root = ${JSON.stringify(folders.state)}`,
    // No step gets more than others have, whatever a Dockerfile or a client asks for.
    'insecure-entitlements = []',
    '[grpc]',
    `address = ["tcp://0.0.0.0:${daemonPort}"]`,
    '[grpc.tls]',
    `cert = "${settings}/tls.crt"`,
    `key = "${settings}/tls.key"`,
    `ca = "${settings}/ca.crt"`,
    '[log]',
    'format = "json"',
    '[worker.containerd]',
    'enabled = false',
    '[worker.oci]',
    'enabled = true',
    'rootless = true',
    // A new /proc cannot be mounted in a pod: steps see the daemon's. That they cannot touch it is the wrapper's doing.
    'noProcessSandbox = true',
    `binary = "${settings}/runc"`,
    'networkMode = "host"',
    `max-parallelism = ${limits.parallel}`,
    'gc = true',
    'reservedSpace = "0MB"',
    `maxUsedSpace = "${limits.cacheMiB}MB"`,
    ...[...new Set(plain)].flatMap((host) => [`[registry.${JSON.stringify(host)}]`, 'http = true']),
    ...Object.entries(mirrors).flatMap(([host, at]) => [
      `[registry.${JSON.stringify(host)}]`,
      `mirrors = ${JSON.stringify(at)}`,
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
