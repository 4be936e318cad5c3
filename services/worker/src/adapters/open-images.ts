import { createPrivateKey } from 'node:crypto';
import { readSecretFile } from '@wherry/config';
import { BuildDaemonWishStore, type Database } from '@wherry/db';
import { readDockerConfig, registryAccess } from '@wherry/registry';
import { BuildDaemons } from '../build/build-daemons';
import { ImageBuilds } from '../build/image-builds';
import type { BuildKitPolicy } from '../build/render-buildkit';
import type { Clock } from '../clock';
import type { ImagesConfig } from '../config';
import { type BuildLogins, RegistryArtifacts } from './registry-artifacts';

/**
 * What a worker has besides when functions become images.
 * @throws Error naming the variable of the registry that is missing, or whose file is no good.
 */
export function openImages(config: ImagesConfig, db: Database, clock: Clock) {
  const logins = buildLogins(config, clock);
  const [place, plainHttp] = [config.WHERRY_REGISTRY, config.WHERRY_REGISTRY_PLAIN_HTTP];
  const artifacts = new RegistryArtifacts({ place, plainHttp, logins });
  const daemons = new BuildDaemons({
    ...{ store: new BuildDaemonWishStore(db), clock },
    idleSeconds: config.WHERRY_BUILD_IDLE_SECONDS,
    waitSeconds: config.WHERRY_BUILD_DAEMON_SECONDS,
  });
  const policy: BuildKitPolicy = {
    ...{ namespacePrefix: config.WHERRY_NAMESPACE_PREFIX, buildctl: config.WHERRY_BUILDCTL_FILE },
    registry: {
      ...{ place, plainHttp, service: config.WHERRY_REGISTRY_SERVICE },
      ...(logins.kind === 'login' ? { user: logins.login.user } : { tokenUrl: logins.tokenUrl }),
    },
    ...{ clientDir: config.WHERRY_BUILD_CLIENT_DIR, proxy: config.WHERRY_EGRESS_PROXY ?? null },
  };
  const builds = new ImageBuilds({
    ...{ daemons, policy },
    credential: (tenantId, trust) => artifacts.credential(tenantId, trust),
  });
  return { artifacts, images: { builds, daemons } };
}

function buildLogins(config: ImagesConfig, clock: Clock): BuildLogins {
  const place = config.WHERRY_REGISTRY;
  const secretVariable = 'WHERRY_REGISTRY_PUSH_SECRET_FILE';
  const files = { keyFile: config.WHERRY_REGISTRY_KEY_FILE, secretFile: config[secretVariable] };
  const access = registryAccess(secretVariable, { place, ...files });
  if (access.kind === 'external') {
    const text = readSecretFile(secretVariable, access.dockerConfigFile);
    return { kind: 'login', login: readDockerConfig(text, place.host) };
  }
  const key = createPrivateKey(readSecretFile('WHERRY_REGISTRY_KEY_FILE', access.keyFile));
  const registryUrl = `${config.WHERRY_REGISTRY_PLAIN_HTTP ? 'http' : 'https'}://${place.host}`;
  const tokenUrl = config.WHERRY_REGISTRY_TOKEN_URL ?? tokenUrlOf(registryUrl);
  return { kind: 'issued', key, service: config.WHERRY_REGISTRY_SERVICE, tokenUrl, clock };
}

/** The token service of the chart's registry is on the same address. */
function tokenUrlOf(registryUrl: string): string {
  const url = new URL('/token', registryUrl);
  url.port = '5001';
  return url.href;
}
