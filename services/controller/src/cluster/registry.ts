import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readSecretFile } from '@wherry/config';
import {
  issueCredential,
  readDockerConfig,
  registryAccess,
  RegistryClient,
  type RegistryClientOptions,
} from '@wherry/registry';
import type { ClusterConfig } from './config';
import type { PullSource } from './pull-credentials';

export type ClusterRegistry = Readonly<{
  pulls: PullSource;
  /** Lists and deletes in the chart's registry; null for another one, whose images are not ours to keep in order. */
  client: RegistryClient | null;
}>;

/** A credential for retention is asked for with each request, and is used at once. */
const retentionSeconds = 600;

/** @param now epoch milliseconds. @throws Error naming the variable that is missing or whose file is no good. */
export function openRegistry(config: ClusterConfig, now: () => number): ClusterRegistry {
  const secretVariable = 'WHERRY_REGISTRY_PULL_SECRET_FILE';
  const place = config.WHERRY_REGISTRY;
  const files = { keyFile: config.WHERRY_REGISTRY_KEY_FILE, secretFile: config[secretVariable] };
  const access = registryAccess(secretVariable, { place, ...files });
  if (access.kind === 'external') {
    const text = readSecretFile(secretVariable, access.dockerConfigFile);
    return { pulls: { kind: 'login', login: readDockerConfig(text, place.host) }, client: null };
  }
  const key = createPrivateKey(readSecretFile('WHERRY_REGISTRY_KEY_FILE', access.keyFile));
  const service = config.WHERRY_REGISTRY_SERVICE;
  return { pulls: { kind: 'issued', key, service }, client: new RegistryClient(clientOptions(config, key, now)) };
}

function clientOptions(config: ClusterConfig, key: KeyObject, now: () => number): RegistryClientOptions {
  const service = config.WHERRY_REGISTRY_SERVICE;
  const registryUrl = `${config.WHERRY_REGISTRY_PLAIN_HTTP ? 'http' : 'https'}://${config.WHERRY_REGISTRY.host}`;
  const tokenUrl = config.WHERRY_REGISTRY_TOKEN_URL ?? tokenUrlOf(registryUrl);
  const grants = [{ everywhere: true, actions: ['pull', 'delete'] }] as const;
  const order = { issuer: 'controller', service, grants, lifetimeSeconds: retentionSeconds } as const;
  const credential = () => issueCredential(order, key, now() / 1000);
  return { registryUrl, authentication: { kind: 'tokens', tokenUrl, service, credential } };
}

/** The token service of the chart's registry is on the same address. */
function tokenUrlOf(registryUrl: string): string {
  const url = new URL('/token', registryUrl);
  url.port = '5001';
  return url.href;
}
