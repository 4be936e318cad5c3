import { ServiceAddress } from '@wherry/config';
import { healthEnvironment } from '@wherry/health';
import { z } from 'zod';

/** Without a trailing slash. */
export const ConsoleUrl = z.url().transform((url) => url.replace(/\/+$/, ''));

/** GitHub, or a GitHub Enterprise Server: then https://<host> and https://<host>/api/v3. */
const githubEnvironment = {
  WHERRY_GITHUB_URL: ConsoleUrl.default('https://github.com'),
  WHERRY_GITHUB_API_URL: ConsoleUrl.default('https://api.github.com'),
};

/** The api's environment; see docs/architecture.md. */
export const ApiEnvironment = z.object({
  WHERRY_DATABASE_URL_FILE: z.string().min(1),
  WHERRY_CONSOLE_HOST: z.string().min(1).default('127.0.0.1'),
  WHERRY_CONSOLE_PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  WHERRY_CONSOLE_URL: ConsoleUrl,
  WHERRY_GATEWAY_URL: ConsoleUrl,
  /** Where this process itself reaches the gateway, when that is not the URL that the world has; plain HTTP. */
  WHERRY_GATEWAY_ADDRESS: ConsoleUrl.optional(),
  WHERRY_APPS_DOMAIN: z.string().min(1),
  WHERRY_GIT_ADDRESS: ServiceAddress,
  WHERRY_DASHBOARD_DIR: z.string().min(1),
  WHERRY_SANDBOX: z.enum(['bubblewrap', 'none']),
  /** This process's own key: what only it may read is sealed to the public half. Made when there is none. */
  WHERRY_SEALED_KEY_FILE: z.string().min(1),
  ...githubEnvironment,
  /** What runs functions: this machine, or a cluster. */
  WHERRY_ENGINE: z.enum(['local', 'kubernetes']).default('local'),
  ...healthEnvironment,
});

export type ApiEnvironment = Readonly<z.infer<typeof ApiEnvironment>>;

/** What the api knows about the platform, as plain values. URLs have no trailing slash. */
export type ApiSettings = Readonly<{
  consoleUrl: string;
  gatewayUrl: string;
  appsDomain: string;
  gitAddress: ServiceAddress;
  /** Its pages and its OAuth, and its REST API. */
  githubUrl: string;
  githubApiUrl: string;
  dashboardDir: string;
  sandbox: 'bubblewrap' | 'none';
  engine: 'local' | 'kubernetes';
  /** What becomes of a reply that is not as the contract says: tests fail, production logs it. */
  onInvalidResponse: 'throw' | 'log';
  limits: Limits;
}>;

export type Limits = Readonly<{
  /** A session ends when it was not used for this long, */
  sessionIdleMs: number;
  /** and in any case after this long. */
  sessionMs: number;
  loginLinkMs: number;
  /** Codes of logins that are exchanged at GitHub at a time; whoever comes then is asked to sign in again. */
  loginsAtOnce: number;
  /** Bytes of a request's body. */
  bodyBytes: number;
  /** Bytes of a webhook's body: GitHub sends none that is larger (docs.github.com, "Webhook events and payloads"). */
  webhookBytes: number;
  /** Bytes of webhooks' bodies that are held at a time; beyond, GitHub is asked to come again. */
  webhookBytesAtOnce: number;
  /** GitHub gives up after ten seconds ("Best practices for using webhooks"), and so does whoever reads from it. */
  webhookMs: number;
  /** From asking for an App to its coming back from GitHub, where people have to choose a name. */
  registrationMs: number;
  /** Open event streams of one session or token. */
  streams: number;
  /** A stream says that it is alive, and checks its caller again, this often. */
  heartbeatMs: number;
  /** Of a try-it call, from connecting to the last byte. */
  invokeMs: number;
  /** Bytes of a try-it reply that are told. */
  invokeBytes: number;
}>;

const minute = 60_000;
export const defaultLimits: Limits = {
  sessionIdleMs: 7 * 24 * 60 * minute,
  sessionMs: 30 * 24 * 60 * minute,
  loginLinkMs: 15 * minute,
  loginsAtOnce: 16,
  bodyBytes: 1_048_576,
  webhookBytes: 25 * 1_048_576,
  webhookBytesAtOnce: 64 * 1_048_576,
  webhookMs: 10_000,
  registrationMs: 60 * minute,
  streams: 8,
  heartbeatMs: 15_000,
  invokeMs: 5 * minute,
  invokeBytes: 1_048_576,
};
