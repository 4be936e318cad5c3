import { randomUUID } from 'node:crypto';
import { loadConfig, readSecretFile } from '@wherry/config';
import { describeError, JsonLog } from '@wherry/logging';
import { z } from 'zod';
import { readIssuerKeys, readSigningIdentity } from './read-keys';
import { TokenServer } from './token-server';

const name = z.string().regex(/^[-.a-z0-9]{1,100}$/);
const Config = z.object({
  WHERRY_REGISTRY_TOKEN_HOST: z.string().min(1).default('127.0.0.1'),
  WHERRY_REGISTRY_TOKEN_PORT: z.coerce.number().int().min(0).max(65_535).default(5001),
  /** `auth.token.service` and `auth.token.issuer` of the registry's configuration. */
  WHERRY_REGISTRY_SERVICE: name.default('wherry-registry'),
  WHERRY_REGISTRY_TOKEN_ISSUER: name.default('wherry-registry-token'),
  /** P-256, and its certificate, followed by those between it and the registry's `rootcertbundle`. */
  WHERRY_REGISTRY_SIGNING_KEY_FILE: z.string().min(1),
  WHERRY_REGISTRY_SIGNING_CERTIFICATE_FILE: z.string().min(1),
  /** Ed25519 public keys of who issues credentials. */
  WHERRY_REGISTRY_WORKER_KEYS_FILE: z.string().min(1),
  WHERRY_REGISTRY_CONTROLLER_KEYS_FILE: z.string().min(1),
});

const stopWithinMs = 10_000;

const config = loadConfig(Config, process.env);
const log = new JsonLog('registry', (line) => process.stdout.write(line));
const read = (
  variable: 'SIGNING_KEY_FILE' | 'SIGNING_CERTIFICATE_FILE' | 'WORKER_KEYS_FILE' | 'CONTROLLER_KEYS_FILE',
): string => readSecretFile(`WHERRY_REGISTRY_${variable}`, config[`WHERRY_REGISTRY_${variable}`]);

async function main(): Promise<void> {
  const identity = readSigningIdentity(read('SIGNING_KEY_FILE'), read('SIGNING_CERTIFICATE_FILE'));
  if (identity.endsMs <= Date.now()) throw new Error('The signing certificate has ended: put a new one in place.');
  const { server, address } = await TokenServer.start(
    {
      host: config.WHERRY_REGISTRY_TOKEN_HOST,
      port: config.WHERRY_REGISTRY_TOKEN_PORT,
      service: config.WHERRY_REGISTRY_SERVICE,
      keys: {
        worker: readIssuerKeys('worker', read('WORKER_KEYS_FILE')),
        controller: readIssuerKeys('controller', read('CONTROLLER_KEYS_FILE')),
      },
      signer: { issuer: config.WHERRY_REGISTRY_TOKEN_ISSUER, key: identity.key, certificates: identity.certificates },
      certificateEndsMs: identity.endsMs,
    },
    { log, nowMs: Date.now, newTokenId: randomUUID },
  );
  log.write({ op: 'registry.start', ok: true, message: `listens on ${address.address}:${address.port}` });
  const stop = (): void => {
    setTimeout(() => process.exit(1), stopWithinMs).unref();
    // Answers under way are finished; idle connections are closed at once.
    server.close(() => {
      log.write({ op: 'registry.stop', ok: true });
      process.exit(0);
    });
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  process.send?.({ ready: true, port: address.port });
}

main().catch((error: unknown) => {
  log.write({ op: 'registry.start', ok: false, message: describeError(error) });
  process.exit(1);
});
