type Labels = Readonly<Record<string, string>>;

/** How builds' namespaces and their daemons look, beside the tenant. All of it is the operator's. */
export type BuildsSettings = Readonly<{
  /** The daemon's image by digest: BuildKit, rootless, such as moby/buildkit:v0.33.1-rootless. */
  image: string;
  /** Labels of the worker's pods in the platform's namespace: nobody else reaches a daemon. */
  workerLabels: Labels;
  registry: Readonly<{
    /** Host and port, as in the names of images. */
    host: string;
    plainHttp: boolean;
    /** The pods of the bundled registry in the platform's namespace; null for a registry elsewhere. */
    pods: Readonly<{ labels: Labels; ports: readonly number[] }> | null;
  }>;
  /** The egress proxy in the platform's namespace, the way of RUN steps and base images; null for none. */
  proxy: Readonly<{ url: string; labels: Labels; port: number }> | null;
  /** Registries that are reached directly and not through the proxy, one address each. */
  extraRegistries: readonly Readonly<{ host: string; cidr: string; port: number; plainHttp: boolean }>[];
  /** Where images of a public registry are looked for first: `{ 'docker.io': ['registry.example:5000/docker.io'] }`. */
  mirrors: Readonly<Record<string, readonly string[]>>;
  /** Of one daemon, all steps of all its builds together. */
  limits: Readonly<{
    cpuMillicores: number;
    memoryMiB: number;
    /** The daemon's state, and what is being built. One file may have half of it. */
    diskMiB: number;
    /** What is kept of it between builds. */
    cacheMiB: number;
    /** Of all steps together. The few of the daemon itself are counted with them. */
    processes: number;
    /** Steps at once. */
    parallel: number;
  }>;
  /** What the scheduler keeps free for a daemon. Less than the limits: most of the time it waits for a download. */
  requests: Readonly<{ cpuMillicores: number; memoryMiB: number }>;
  /** A PriorityClass of the operator's for daemons; the cluster's default when it is not set. */
  priorityClass?: string;
}>;

/** The settings of a plain installation with the bundled registry and the chart's proxy. */
export function defaultBuilds(
  release: string,
  given: Pick<BuildsSettings, 'image'> &
    Readonly<{ registryHost: string; plainHttp: boolean; isBundled: boolean; proxyUrl: string | null }>,
): BuildsSettings {
  const labels = (component: string): Labels => ({
    'app.kubernetes.io/instance': release,
    'app.kubernetes.io/component': component,
  });
  const { image, registryHost: host, plainHttp, isBundled, proxyUrl } = given;
  return {
    image,
    workerLabels: labels('worker'),
    registry: { host, plainHttp, pods: isBundled ? { labels: labels('registry'), ports: [5000, 5001] } : null },
    proxy: proxyUrl === null ? null : { url: proxyUrl, labels: labels('egress'), port: 3128 },
    extraRegistries: [],
    mirrors: {},
    limits: { cpuMillicores: 2_000, memoryMiB: 2_048, diskMiB: 20_480, cacheMiB: 8_192, processes: 4_096, parallel: 4 },
    requests: { cpuMillicores: 100, memoryMiB: 256 },
  };
}
