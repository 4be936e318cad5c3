import { ServiceAddress } from '@wherry/config';
import { healthEnvironment } from '@wherry/health';
import { RegistryPlace } from '@wherry/registry';
import { z } from 'zod';

const seconds = z.coerce.number().int().min(1);
const path = z.string().min(1);
/** Without a trailing slash. */
const baseUrl = z.url().transform((url) => url.replace(/\/+$/, ''));

/** The worker's environment; see docs/architecture.md. Limits of builds have defaults for a small machine. */
export const WorkerConfig = z.object({
  WHERRY_DATABASE_URL_FILE: path,
  WHERRY_CONSOLE_URL: z.url(),
  WHERRY_GIT_ADDRESS: ServiceAddress,
  WHERRY_GATEWAY_URL: z.url(),
  WHERRY_APPS_DOMAIN: z.string().min(1),
  WHERRY_PROBE_KEY_FILE: path,
  /** This process's own key: what only it may read is sealed to the public half. Made when there is none. */
  WHERRY_SEALED_KEY_FILE: path,
  /** GitHub, or a GitHub Enterprise Server: then https://<host> and https://<host>/api/v3. */
  WHERRY_GITHUB_URL: baseUrl.default('https://github.com'),
  WHERRY_GITHUB_API_URL: baseUrl.default('https://api.github.com'),
  WHERRY_KEEPER_SOCKET: path,
  WHERRY_STATE_DIR: path,
  WHERRY_BUILDER_FILE: path,
  WHERRY_TEMPLATES_DIR: path,
  WHERRY_NODE_FILE: path,
  WHERRY_NPM_FILE: path,
  WHERRY_SANDBOX: z.enum(['bubblewrap', 'none']),
  WHERRY_NPM_REGISTRY: z.url(),
  WHERRY_PYPI_INDEX: z.url(),
  /** The name of this worker's leases: unique among workers, and the same after a restart. */
  WHERRY_WORKER_ID: z.string().min(1).default('local'),
  WHERRY_BUILD_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(2),
  /** Below the half hour that a build's read token lives. */
  WHERRY_BUILD_TIMEOUT_SECONDS: seconds.max(1700).default(900),
  WHERRY_BUILD_MEMORY_MIB: z.coerce.number().int().min(256).default(2048),
  WHERRY_BUILD_DISK_MIB: z.coerce.number().int().min(64).default(2048),
  WHERRY_BUILD_LOG_BYTES: z.coerce.number().int().min(4096).default(4_194_304),
  WHERRY_BUILD_PARALLEL: z.coerce.number().int().min(1).max(64).default(2),
  WHERRY_ARTIFACT_MIB: z.coerce.number().int().min(1).default(512),
  WHERRY_CHECKOUT_MIB: z.coerce.number().int().min(1).default(512),
  WHERRY_KEEP_DEPLOYMENTS: z.coerce.number().int().min(1).default(20),
  WHERRY_KEEP_LOG_DAYS: z.coerce.number().int().min(1).default(14),
  WHERRY_KEEP_RECEIPT_DAYS: z.coerce.number().int().min(1).default(90),
  WHERRY_KEEP_HISTORY_DAYS: z.coerce.number().int().min(1).default(90),
  ...healthEnvironment,
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
});
export type WorkerConfig = Readonly<z.infer<typeof WorkerConfig>>;

/** Where functions run, and so what builds make: folders, or images in a registry. */
export const EngineChoice = z.object({ WHERRY_ENGINE: z.enum(['local', 'kubernetes']).default('local') });

/** What is needed besides when functions become images. */
export const ImagesConfig = z.object({
  WHERRY_NAMESPACE_PREFIX: z.string().min(1).default('wherry'),
  /** Files as the keeper sees them: BuildKit's client, and ca.crt, tls.crt and tls.key for it. */
  WHERRY_BUILDCTL_FILE: path,
  WHERRY_BUILD_CLIENT_DIR: path,
  WHERRY_EGRESS_PROXY: z.url().optional(),
  /** As it begins the names of images. */
  WHERRY_REGISTRY: RegistryPlace,
  WHERRY_REGISTRY_PLAIN_HTTP: z.stringbool().default(false),
  WHERRY_REGISTRY_SERVICE: z.string().min(1).default('wherry-registry'),
  /** One of them: the key that credentials of the chart's registry are issued with, or the login for another one. */
  WHERRY_REGISTRY_KEY_FILE: path.optional(),
  WHERRY_REGISTRY_PUSH_SECRET_FILE: path.optional(),
  /** Of the chart's registry; on its host, port 5001, when it is not set. */
  WHERRY_REGISTRY_TOKEN_URL: z.url().optional(),
  /** How long a build daemon stays after its last build, and how long a build waits for one. */
  WHERRY_BUILD_IDLE_SECONDS: seconds.default(300),
  WHERRY_BUILD_DAEMON_SECONDS: seconds.default(180),
});
export type ImagesConfig = Readonly<z.infer<typeof ImagesConfig>>;
