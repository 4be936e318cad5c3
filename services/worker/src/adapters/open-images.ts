import { createPrivateKey } from 'node:crypto';
import { readSecretFile } from '@wherry/config';
import { BuildDaemonWishStore, type Database } from '@wherry/db';
import { BuildDaemons } from '../build/build-daemons';
import { ImageBuilds } from '../build/image-builds';
import type { Clock } from '../clock';
import type { ImagesConfig } from '../config';
import { RegistryArtifacts } from './registry-artifacts';

/** What a worker has besides when functions become images. @throws Error naming the key's file when it is no key. */
export function openImages(config: ImagesConfig, db: Database, clock: Clock) {
  const [host, plainHttp] = [config.WHERRY_REGISTRY, config.WHERRY_REGISTRY_PLAIN_HTTP];
  const tokenUrl = config.WHERRY_REGISTRY_TOKEN_URL ?? tokenUrlOf(`${plainHttp ? 'http' : 'https'}://${host}`);
  const registry = { host, plainHttp, service: config.WHERRY_REGISTRY_SERVICE, tokenUrl };
  const key = createPrivateKey(readSecretFile('WHERRY_REGISTRY_KEY_FILE', config.WHERRY_REGISTRY_KEY_FILE));
  const artifacts = new RegistryArtifacts({ registry, key, clock });
  const daemons = new BuildDaemons({
    ...{ store: new BuildDaemonWishStore(db), clock },
    idleSeconds: config.WHERRY_BUILD_IDLE_SECONDS,
    waitSeconds: config.WHERRY_BUILD_DAEMON_SECONDS,
  });
  const policy = {
    ...{ namespacePrefix: config.WHERRY_NAMESPACE_PREFIX, buildctl: config.WHERRY_BUILDCTL_FILE, registry },
    ...{ clientDir: config.WHERRY_BUILD_CLIENT_DIR, proxy: config.WHERRY_EGRESS_PROXY ?? null },
  };
  const builds = new ImageBuilds({
    ...{ daemons, policy },
    credential: (tenantId, trust) => artifacts.credential(tenantId, trust),
  });
  return { artifacts, images: { builds, daemons } };
}

/** The token service of the chart's registry is on the same address. */
function tokenUrlOf(registryUrl: string): string {
  const url = new URL('/token', registryUrl);
  url.port = '5001';
  return url.href;
}
