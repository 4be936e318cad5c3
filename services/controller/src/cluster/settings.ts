import { readFileSync } from 'node:fs';
import { type BuildsSettings, defaultBuilds, defaultTenancy, type TenancySettings } from '@wherry/cluster';
import { z } from 'zod';
import type { ClusterConfig } from './config';

const quantities = z.record(z.string(), z.string());
const labels = z.record(z.string(), z.string());

/** What an operator may say of functions' namespaces; everything else is as in `defaultTenancy`. */
const TenancyOverrides = z.strictObject({
  gatewayLabels: labels.optional(),
  dns: z
    .strictObject({ namespace: z.string(), podLabels: labels, ports: z.array(z.int().min(1).max(65_535)) })
    .optional(),
  refusedRanges: z.array(z.cidrv4()).optional(),
  quota: quantities.optional(),
  limits: z.strictObject({ max: quantities, default: quantities, defaultRequest: quantities }).optional(),
  runtimeClass: z.string().optional(),
  priorityClass: z.string().optional(),
  hasUserNamespaces: z.boolean().optional(),
});

/** The same of builds' namespaces; else as in `defaultBuilds`. `registryPods` null: the registry is not the bundled one. */
const BuildsOverrides = z.strictObject({
  workerLabels: labels.optional(),
  proxyLabels: labels.optional(),
  registryPods: z
    .strictObject({ labels, ports: z.array(z.int()) })
    .nullable()
    .optional(),
  extraRegistries: z
    .array(z.strictObject({ host: z.string(), cidr: z.cidrv4(), port: z.int(), plainHttp: z.boolean() }))
    .optional(),
  mirrors: z.record(z.string(), z.array(z.string())).optional(),
  limits: z
    .strictObject({
      ...{ cpuMillicores: z.int(), memoryMiB: z.int(), diskMiB: z.int(), cacheMiB: z.int() },
      ...{ processes: z.int(), parallel: z.int() },
    })
    .partial()
    .optional(),
  requests: z.strictObject({ cpuMillicores: z.int(), memoryMiB: z.int() }).partial().optional(),
  priorityClass: z.string().optional(),
});
export type Overrides = Readonly<{
  tenancy: z.infer<typeof TenancyOverrides>;
  builds: z.infer<typeof BuildsOverrides>;
}>;

export type ClusterSettings = Readonly<{
  tenancy: TenancySettings;
  builds: BuildsSettings;
  /** Of functions' pods; see `RenderSettings` of the engine. */
  pods: Readonly<{ runtimeClass?: string; priorityClass?: string; hasUserNamespaces?: boolean }>;
}>;

/** Reads the operator's files. @throws Error naming the file and what in it is not understood. */
export function readOverrides(config: ClusterConfig): Overrides {
  return {
    tenancy: readJson('WHERRY_TENANCY_FILE', config.WHERRY_TENANCY_FILE, TenancyOverrides),
    builds: readJson('WHERRY_BUILDS_FILE', config.WHERRY_BUILDS_FILE, BuildsOverrides),
  };
}

/** The chart's settings, with what the operator says put over them. Pure. */
export function clusterSettings(config: ClusterConfig, overrides: Overrides): ClusterSettings {
  const { runtimeClass, priorityClass, hasUserNamespaces, ...tenancy } = overrides.tenancy;
  const { registryPods, proxyLabels, limits, requests, ...more } = overrides.builds;
  const plain = defaultBuilds(config.WHERRY_RELEASE, {
    image: config.WHERRY_BUILDKIT_IMAGE,
    registryHost: config.WHERRY_REGISTRY.host,
    plainHttp: config.WHERRY_REGISTRY_PLAIN_HTTP,
    isBundled: config.WHERRY_REGISTRY_KEY_FILE !== undefined && registryPods !== null,
    proxyUrl: config.WHERRY_EGRESS_PROXY ?? null,
  });
  return {
    tenancy: { ...defaultTenancy(config.WHERRY_RELEASE, config.WHERRY_PLATFORM_NAMESPACE), ...defined(tenancy) },
    builds: {
      ...plain,
      ...defined(more),
      registry: { ...plain.registry, ...(registryPods && { pods: registryPods }) },
      proxy: plain.proxy && { ...plain.proxy, ...(proxyLabels && { labels: proxyLabels }) },
      limits: { ...plain.limits, ...defined(limits ?? {}) },
      requests: { ...plain.requests, ...defined(requests ?? {}) },
    },
    pods: defined({ runtimeClass, priorityClass, hasUserNamespaces }),
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without keys whose value is not given, so that these do not hide defaults. */
function defined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function readJson<T>(variable: string, file: string | undefined, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(file === undefined ? {} : JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The file that ${variable} names is not understood. ${places.join('; ')}`);
}
