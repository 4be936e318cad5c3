import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BuildKitOrder } from '@wherry/contract';
// eslint-disable-next-line @nx/enforce-module-boundaries -- these tests make what the controller makes elsewhere
import * as cluster from '@wherry/cluster';
import { makeBuildCertificates } from './build-certificates';

const run = promisify(execFile);
export type TestCluster = Readonly<{ kubeconfig: string; registry: string; bin: string }>;
type Limits = Partial<cluster.BuildsSettings['limits']>;

/** The cluster that is up, by its variables; null when there is none. */
export function testCluster(): TestCluster | null {
  const { WHERRY_TEST_KUBECONFIG: kubeconfig, WHERRY_TEST_REGISTRY: registry, WHERRY_TEST_BIN: bin } = process.env;
  return kubeconfig && registry && bin ? { kubeconfig, registry, bin } : null;
}

/** The machine's own end of the link to the node. */
export const machine = '10.250.0.1';

/** Namespaces of one spec, in a random installation of its own: `close` removes them all. */
export class TestBuilds {
  readonly prefix = `bd${randomBytes(3).toString('hex')}`;
  private readonly namespaces: string[] = [];

  constructor(
    readonly where: TestCluster,
    /** Where certificates are written. */
    private readonly home: string,
  ) {}

  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const started = run(join(this.where.bin, 'kubectl'), args, {
      // Its cache goes there, and not into the folder that the tests were started in.
      env: { KUBECONFIG: this.where.kubeconfig, HOME: this.home },
      maxBuffer: 2 ** 26,
    });
    started.child.stdin?.end(input);
    return (await started).stdout;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    for (const object of objects) {
      const { kind, metadata } = object as { kind: string; metadata: { name: string } };
      if (kind === 'Namespace') this.namespaces.push(metadata.name);
      await this.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(object));
    }
  }

  /** `name@sha256:…` of an image in the cluster's registry. */
  async pinned(name: string, tag: string): Promise<string> {
    const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
    const types = `${accept}, application/vnd.docker.distribution.manifest.v2+json`;
    const url = `http://${this.where.registry}/v2/${name}/manifests/${tag}`;
    const answer = await fetch(url, { method: 'HEAD', headers: { accept: types } });
    const digest = answer.headers.get('docker-content-digest');
    if (!digest) throw new Error(`The cluster's registry has no ${name}:${tag} (HTTP ${answer.status}).`);
    return `${this.where.registry}/${name}@${digest}`;
  }

  /** A daemon of a tenant, as the controller makes it, which the machine may reach in the worker's place. */
  async daemon(
    tenant: string,
    options: Readonly<{ limits?: Limits; machinePorts?: readonly number[] }> = {},
  ): Promise<TestDaemon> {
    const scope = { prefix: this.prefix, tenantId: `ten_${tenant}`, trust: 'trusted' } as const;
    const { registry } = this.where;
    const plain = cluster.defaultBuilds(this.prefix, {
      image: await this.pinned('moby/buildkit', 'v0.33.1-rootless'),
      ...{ registryHost: registry, plainHttp: true, isBundled: false, proxyUrl: null },
    });
    const [address = '', port = ''] = registry.split(':');
    const machinePorts = (options.machinePorts ?? []).map((own) => ({ host: `${machine}:${own}`, port: own }));
    const builds: cluster.BuildsSettings = {
      ...plain,
      extraRegistries: [
        { host: registry, cidr: `${address}/32`, port: Number(port), plainHttp: true },
        ...machinePorts.map((one) => ({ ...one, cidr: `${machine}/32`, plainHttp: true })),
      ],
      mirrors: { 'docker.io': [`${registry}/docker.io`] },
      limits: { ...plain.limits, ...options.limits },
    };
    const tenancy = cluster.defaultTenancy(this.prefix, `${this.prefix}-platform`);
    const folder = join(this.home, `tls-${tenant}`);
    mkdirSync(folder, { recursive: true });
    const serverName = cluster.daemonServerName(scope);
    const made = await makeBuildCertificates(serverName);
    const files = { ca: join(folder, 'ca.crt'), cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
    for (const [name, file] of Object.entries(files)) writeFileSync(file, made.client[name as keyof typeof files]);
    await this.apply(
      ...cluster.buildsNamespaceObjects(scope, tenancy, builds).filter(({ kind }) => kind !== 'RoleBinding'),
      fromMachine(cluster.buildsNamespace(scope)),
      ...cluster.buildDaemonObjects(scope, builds, { replicas: 1, tls: made.server }),
    );
    return new TestDaemon(this, cluster.buildsNamespace(scope), { ...files, serverName }, tenant);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.namespaces.map((name) => this.kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found'])),
    );
  }
}

/** One tenant's daemon, reached as a builder reaches it. */
export class TestDaemon {
  constructor(
    private readonly builds: TestBuilds,
    readonly namespace: string,
    private readonly tls: BuildKitOrder['tls'],
    private readonly tenant: string,
  ) {}

  /** What a builder is told of it. Waits until the daemon is ready. */
  async order(more: Partial<BuildKitOrder> = {}): Promise<BuildKitOrder> {
    const { registry: host, bin } = this.builds.where;
    const paths = { images: `${this.builds.prefix}${this.tenant}/trusted`, cache: '' };
    return {
      address: `tcp://${await this.ready()}:${cluster.daemonPort}`,
      buildctl: join(bin, 'buildctl'),
      tls: this.tls,
      registry: {
        ...{ host, plainHttp: true, service: 'wherry-registry', tokenUrl: null, credential: 'not-asked-for' },
        ...{ ...paths, cache: `${paths.images}/build.cache` },
      },
      ...{ proxy: null, noProxy: host.replace(/:\d+$/, '') },
      ...more,
    };
  }

  /** The address of the daemon's pod, once it is ready. @throws Error with what Kubernetes says, after a minute. */
  async ready(): Promise<string> {
    for (let tries = 120; tries > 0; tries--) {
      const found = (await this.pods()).find(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          status.phase === 'Running' &&
          status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      );
      if (found?.status.podIP) return found.status.podIP;
      await sleep(500);
    }
    const told = await this.builds.kubectl(['-n', this.namespace, 'get', 'pods,replicasets,events', '-o', 'wide']);
    throw new Error(`The build daemon of ${this.namespace} is not ready:\n${told}`);
  }

  async pods(): Promise<Pod[]> {
    const text = await this.builds.kubectl(['-n', this.namespace, 'get', 'pods', '-o', 'json']);
    return (JSON.parse(text) as { items: Pod[] }).items;
  }

  /** Command lines of the processes in the daemon's pod. */
  async processes(): Promise<string> {
    const list = 'for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <$f; echo; done';
    const target = 'deployment/buildkitd';
    return this.builds.kubectl(['-n', this.namespace, 'exec', target, '--', 'sh', '-c', list]);
  }
}

type Pod = Readonly<{
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  status: {
    podIP?: string;
    phase?: string;
    reason?: string;
    message?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: { restartCount: number; lastState?: { terminated?: { reason?: string } } }[];
  };
}>;

/** Tests run on the machine, which is no pod of the platform. */
function fromMachine(namespace: string): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'from-tests', namespace },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [
        { from: [{ ipBlock: { cidr: `${machine}/32` } }], ports: [{ protocol: 'TCP', port: cluster.daemonPort }] },
      ],
    },
  };
}
