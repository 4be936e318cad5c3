import { z } from 'zod';

/**
 * On Kubernetes: how functions become images. When it is there, `sandbox` and `paths.artifacts`, `cache`, `node` and
 * `npmCli` of the order are not used, and `artifactDigest` is the digest of an image's manifest.
 */
export const BuildKitOrder = z.strictObject({
  /** The tenant's own daemon: a pod's address. */
  address: z.string().regex(/^tcp:\/\/[\w.-]+:\d{1,5}$/),
  /** The client's file. */
  buildctl: z.string(),
  /** Files of the client's side, and the name that the daemon's certificate must have: that of no other tenant's. */
  tls: z.strictObject({ ca: z.string(), cert: z.string(), key: z.string(), serverName: z.string() }),
  registry: z.strictObject({
    /** Host and port, as in the names of images. */
    host: z.string(),
    plainHttp: z.boolean(),
    /** The registry's service name in the token protocol. */
    service: z.string(),
    /** Where tokens are asked for: port 5001 of the host when it is left out, null for a registry without any. */
    tokenUrl: z.url().nullable().optional(),
    /**
     * Left out for the chart's registry, where it is `wherry`. With it the registry is another one, whose own answers
     * tell how the login is shown: `service` and `tokenUrl` are not used.
     */
    user: z.string().min(1).optional(),
    /** Below the host: `<images>/<function>` is a function's repository, `<cache>/<function>` that of its cache. */
    images: z.string(),
    cache: z.string(),
    /** The user's password: pulls and pushes below these two paths. */
    credential: z.string(),
  }),
  /** The way out of RUN steps, such as http://egress.wherry:3128; null for none. */
  proxy: z.url().nullable(),
  /** Hosts that are reached without it, separated by commas. */
  noProxy: z.string(),
});
export type BuildKitOrder = z.infer<typeof BuildKitOrder>;

/** What one builder process is told: a JSON file, mode 0600, whose path is its only argument. */
export const BuildOrder = z.strictObject({
  deploymentId: z.string(),
  tenantId: z.string(),
  repositoryName: z.string(),
  rootDir: z.string(),
  /** The remote without credentials, and a token that reads this repository only; sent as HTTP basic password. */
  source: z.strictObject({ url: z.url(), token: z.string(), commitSha: z.string().regex(/^[0-9a-f]{40}$/) }),
  /** What stack.yml substitution may see. */
  buildVariables: z.record(z.string(), z.string()),
  /** Tenant-wide run-time variables; a function's own environment wins. */
  runtimeVariables: z.record(z.string(), z.string()),
  /** Names of the secrets that exist, so that a missing one is told before anything is built; null: none will be given. */
  secretNames: z.array(z.string()).nullable(),
  /** Artifacts that exist: a function whose inputHash is here is not built again. */
  known: z.array(z.strictObject({ inputHash: z.string(), artifactDigest: z.string() })),
  sandbox: z.strictObject({ kind: z.enum(['bubblewrap', 'none']), uid: z.int().nullable() }),
  paths: z.strictObject({
    /** Exists, empty but for order.json and events.ndjson; everything temporary goes here. */
    work: z.string(),
    /** Content-addressed: one folder per artifact, named by its digest in hex. */
    artifacts: z.string(),
    /** This tenant's dependency cache. */
    cache: z.string(),
    /** Built templates: dist/templates. */
    templates: z.string(),
    /** The pinned Node binary and npm's command-line file. */
    node: z.string(),
    npmCli: z.string(),
  }),
  registries: z.strictObject({ npm: z.url(), pypi: z.url() }),
  buildkit: BuildKitOrder.optional(),
  limits: z.strictObject({
    timeoutMs: z.int(),
    memoryMiB: z.int(),
    diskMiB: z.int(),
    logBytes: z.int(),
    artifactMiB: z.int(),
    checkoutMiB: z.int(),
    parallel: z.int(),
  }),
});
export type BuildOrder = z.infer<typeof BuildOrder>;

/** The builder's own copy of RevisionConfig, checked at the edge. */
export const RevisionConfigSchema = z.strictObject({
  lang: z.string(),
  start: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  secrets: z.array(z.string()),
  memoryMiB: z.int(),
  cpuMillicores: z.int(),
  limits: z.strictObject({ memory: z.string().optional(), cpu: z.string().optional() }),
  requests: z.strictObject({ memory: z.string().optional(), cpu: z.string().optional() }),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  readOnlyRootFilesystem: z.boolean(),
  scale: z.strictObject({ min: z.int(), max: z.int(), idleSeconds: z.int() }),
  egress: z.array(z.strictObject({ cidr: z.string(), ports: z.array(z.int()).optional() })).optional(),
  callers: z.array(z.string()).optional(),
  calls: z.array(z.string()).optional(),
  timeoutMs: z.int(),
});

const at = z.number(); // epoch milliseconds

/**
 * What a builder reports: one JSON object per line, appended to `events.ndjson` in its work folder. The file outlives
 * the worker, which tails it and may be restarted; the last line is always `result`, or the builder died.
 */
export const BuildEvent = z.discriminatedUnion('type', [
  /** A phase of the whole build: fetch, plan, build, artifact. */
  z.strictObject({ type: z.literal('step'), at, name: z.enum(['fetch', 'plan', 'build']), detail: z.string() }),
  /** Something the developer should know, such as a key that is not used. */
  z.strictObject({ type: z.literal('note'), at, text: z.string() }),
  /** The functions of the stack, once it is read, and their folders below the root directory in the same order. */
  z.strictObject({
    type: z.literal('functions'),
    at,
    names: z.array(z.string()),
    handlers: z.array(z.string()).optional(),
  }),
  z.strictObject({
    type: z.literal('function'),
    at,
    name: z.string(),
    status: z.enum(['building', 'built', 'reused', 'failed']),
    reason: z.string().optional(),
  }),
  /** A line of output; function is null for lines of the whole build. */
  z.strictObject({
    type: z.literal('log'),
    at,
    function: z.string().nullable(),
    stream: z.enum(['stdout', 'stderr', 'system']),
    text: z.string(),
  }),
  z.strictObject({
    type: z.literal('result'),
    at,
    ok: z.literal(true),
    functions: z.array(
      z.strictObject({
        name: z.string(),
        inputHash: z.string(),
        artifactDigest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
        config: RevisionConfigSchema,
        buildMs: z.int(),
      }),
    ),
  }),
  /** `reason` is for the developer: what is wrong and what to do. */
  z.strictObject({ type: z.literal('failure'), at, reason: z.string() }),
]);
export type BuildEvent = z.infer<typeof BuildEvent>;
