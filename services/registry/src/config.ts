import { healthEnvironment } from '@wherry/health';
import { z } from 'zod';

const name = z.string().regex(/^[-.a-z0-9]{1,100}$/);
const port = z.coerce.number().int().min(0).max(65_535);
const file = z.string().min(1);

const Common = z.object({
  WHERRY_REGISTRY_TOKEN_HOST: z.string().min(1).default('127.0.0.1'),
  WHERRY_REGISTRY_TOKEN_PORT: port.default(5001),
  /** `auth.token.service` and `auth.token.issuer` of the registry's configuration. */
  WHERRY_REGISTRY_SERVICE: name.default('wherry-registry'),
  WHERRY_REGISTRY_TOKEN_ISSUER: name.default('wherry-registry-token'),
  /** Ed25519 keys of who issues credentials: public ones, or private ones of which the public half is used. */
  WHERRY_REGISTRY_WORKER_KEYS_FILE: file,
  WHERRY_REGISTRY_CONTROLLER_KEYS_FILE: file,
  /** For both ports. Plain HTTP without them. */
  WHERRY_REGISTRY_TLS_CERTIFICATE_FILE: file.optional(),
  WHERRY_REGISTRY_TLS_KEY_FILE: file.optional(),
  ...healthEnvironment,
});

const Bundled = Common.extend({
  /** The program of the registry, Distribution 2.8. */
  WHERRY_REGISTRY_BINARY: file,
  WHERRY_REGISTRY_DATA_DIR: file,
  /** The address of the token service as clients reach it, such as `http://10.96.0.50:5001/token`. */
  WHERRY_REGISTRY_REALM: z.url({ protocol: /^https?$/ }),
  WHERRY_REGISTRY_HOST: z.string().min(1).default('127.0.0.1'),
  WHERRY_REGISTRY_PORT: port.default(5000),
  WHERRY_REGISTRY_COLLECT_HOURS: z.coerce.number().min(1).max(720).default(24),
  /** So long without a write is the end of a push. */
  WHERRY_REGISTRY_PAUSE_SECONDS: z.coerce.number().min(0).max(240).default(60),
  /** So long a push waits for the end of a collection before it is refused. */
  WHERRY_REGISTRY_PATIENCE_SECONDS: z.coerce.number().min(0).max(600).default(180),
});

const TokensOnly = Common.extend({
  WHERRY_REGISTRY_BINARY: z.literal('').optional(),
  /** P-256, and its certificate, followed by those between it and the registry's `rootcertbundle`. */
  WHERRY_REGISTRY_SIGNING_KEY_FILE: file,
  WHERRY_REGISTRY_SIGNING_CERTIFICATE_FILE: file,
});

export type BundledConfig = Readonly<z.infer<typeof Bundled>>;
export type TokensOnlyConfig = Readonly<z.infer<typeof TokensOnly>>;
type Environment = Readonly<Record<string, string | undefined>>;

/** With a program to start, the process is the whole registry; without, the token service of one that runs elsewhere. */
export function configSchema(env: Environment): z.ZodType<BundledConfig | TokensOnlyConfig> {
  return env.WHERRY_REGISTRY_BINARY ? Bundled : TokensOnly;
}

export function isBundled(config: BundledConfig | TokensOnlyConfig): config is BundledConfig {
  return Boolean(config.WHERRY_REGISTRY_BINARY);
}
