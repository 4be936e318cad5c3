import { randomBytes, randomUUID } from 'node:crypto';
import { loadConfig, readSecretFile } from '@wherry/config';
import { Health, Metrics, observeLog } from '@wherry/health';
import { describeError, JsonLog } from '@wherry/logging';
import { makeRunFolder } from './adapters/run-folder';
import { BundledRegistry } from './bundled-registry';
import { type BundledConfig, configSchema, isBundled, type TokensOnlyConfig } from './config';
import { makeSigningIdentity } from './make-signing-identity';
import { observeRegistry } from './observe-registry';
import { observeTokens } from './observe-tokens';
import { readIssuerKeys, readSigningIdentity, type SigningIdentity } from './read-keys';
import { TokenServer } from './token-server';
import type { Listening, Tls } from './web-server';

/** Kubernetes waits for thirty. */
const stopWithinMs = 25_000;
const hourMs = 3_600_000;

const config = loadConfig(configSchema(process.env), process.env);
const metrics = new Metrics();
const log = observeLog(new JsonLog('registry', (line) => process.stdout.write(line)), observeTokens(metrics));

function readTls(): Tls | null {
  const { WHERRY_REGISTRY_TLS_CERTIFICATE_FILE: certificate, WHERRY_REGISTRY_TLS_KEY_FILE: key } = config;
  if (certificate === undefined && key === undefined) return null;
  if (certificate === undefined || key === undefined) {
    throw new Error('WHERRY_REGISTRY_TLS_CERTIFICATE_FILE and WHERRY_REGISTRY_TLS_KEY_FILE go together: set both.');
  }
  const cert = readSecretFile('WHERRY_REGISTRY_TLS_CERTIFICATE_FILE', certificate);
  return { cert, key: readSecretFile('WHERRY_REGISTRY_TLS_KEY_FILE', key) };
}

type Signing = Readonly<{ identity: SigningIdentity; certificatePem: string }>;

/** Made here when nobody but the registry of this process needs it. */
async function signing(): Promise<Signing> {
  const { keyPem, certificatePem } = isBundled(config)
    ? await makeSigningIdentity(Date.now(), randomBytes(8).toString('hex'))
    : readSigning(config);
  const identity = readSigningIdentity(keyPem, certificatePem);
  if (identity.endsMs <= Date.now()) throw new Error('The signing certificate has ended: put a new one in place.');
  return { identity, certificatePem };
}

function readSigning(given: TokensOnlyConfig): Readonly<{ keyPem: string; certificatePem: string }> {
  const { WHERRY_REGISTRY_SIGNING_KEY_FILE: key, WHERRY_REGISTRY_SIGNING_CERTIFICATE_FILE: certificate } = given;
  const keyPem = readSecretFile('WHERRY_REGISTRY_SIGNING_KEY_FILE', key);
  return { keyPem, certificatePem: readSecretFile('WHERRY_REGISTRY_SIGNING_CERTIFICATE_FILE', certificate) };
}

async function startTokens(identity: SigningIdentity, registry: BundledRegistry | null): Promise<Listening> {
  const keysOf = (issuer: 'worker' | 'controller', variable: 'WORKER' | 'CONTROLLER') => {
    const named = `WHERRY_REGISTRY_${variable}_KEYS_FILE` as const;
    return readIssuerKeys(issuer, readSecretFile(named, config[named]));
  };
  return await TokenServer.start(
    {
      host: config.WHERRY_REGISTRY_TOKEN_HOST,
      port: config.WHERRY_REGISTRY_TOKEN_PORT,
      service: config.WHERRY_REGISTRY_SERVICE,
      keys: { worker: keysOf('worker', 'WORKER'), controller: keysOf('controller', 'CONTROLLER') },
      signer: { issuer: config.WHERRY_REGISTRY_TOKEN_ISSUER, key: identity.key, certificates: identity.certificates },
      certificateEndsMs: identity.endsMs,
      tls: readTls(),
      registry: registry?.asSeenByTokens ?? null,
    },
    { log, nowMs: Date.now, newTokenId: randomUUID },
  );
}

async function startRegistry(bundled: BundledConfig, certificatePem: string): Promise<BundledRegistry> {
  const options = {
    folder: await makeRunFolder(bundled.WHERRY_REGISTRY_DATA_DIR),
    dataDir: bundled.WHERRY_REGISTRY_DATA_DIR,
    binary: bundled.WHERRY_REGISTRY_BINARY,
    host: bundled.WHERRY_REGISTRY_HOST,
    port: bundled.WHERRY_REGISTRY_PORT,
    realm: bundled.WHERRY_REGISTRY_REALM,
    service: bundled.WHERRY_REGISTRY_SERVICE,
    tokenIssuer: bundled.WHERRY_REGISTRY_TOKEN_ISSUER,
    certificatePem,
    uploadSecret: randomBytes(32).toString('hex'),
    tls: readTls(),
    collectEveryMs: bundled.WHERRY_REGISTRY_COLLECT_HOURS * hourMs,
    pauseMs: bundled.WHERRY_REGISTRY_PAUSE_SECONDS * 1_000,
    patienceMs: bundled.WHERRY_REGISTRY_PATIENCE_SECONDS * 1_000,
  };
  return await BundledRegistry.start(options, log, Date.now);
}

async function startHealth(): Promise<Health> {
  return await Health.start({ port: config.WHERRY_HEALTH_PORT, host: config.WHERRY_HEALTH_HOST, metrics });
}

async function main(): Promise<void> {
  const health = await startHealth();
  const { identity, certificatePem } = await signing();
  const ended = 'The signing certificate has ended: start again, with a new one if it was given.';
  health.check('certificate', () => (Date.now() < identity.endsMs ? null : ended));
  const registry = isBundled(config) ? await startRegistry(config, certificatePem) : null;
  if (isBundled(config) && registry) observeRegistry(registry, config.WHERRY_REGISTRY_DATA_DIR, health, metrics);
  const { server, address } = await startTokens(identity, registry);
  const stop = (): void => {
    setTimeout(() => process.exit(1), stopWithinMs).unref();
    health.stopping();
    // Answers under way are finished; idle connections are closed at once.
    const closed = new Promise((resolve) => server.close(resolve));
    void Promise.all([closed, registry?.stop()]).then(() => {
      log.write({ op: 'registry.stop', ok: true });
      process.exit(0);
    });
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  health.started();
  log.write({ op: 'registry.start', ok: true, message: `listens on ${address.address}:${address.port}` });
  const own = registry && { registryPort: registry.port, pid: registry.pid, healthPort: health.port };
  process.send?.({ ready: true, port: address.port, ...own });
}

main().catch((error: unknown) => {
  log.write({ op: 'registry.start', ok: false, message: describeError(error) });
  process.exit(1);
});
