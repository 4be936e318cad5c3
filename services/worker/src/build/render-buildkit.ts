import type { BuildOrder } from '@wherry/contract';
import { cachePath, daemonServerName, imagePrefix } from '@wherry/cluster';
import type { TrustLevel } from '@wherry/domain';

/** What the operator decides about every build with BuildKit. */
export type BuildKitPolicy = Readonly<{
  namespacePrefix: string;
  /** Files as the builder sees them. */
  buildctl: string;
  clientDir: string;
  /** Host and port, as in the names of images. */
  registry: Readonly<{ host: string; plainHttp: boolean; service: string; tokenUrl: string }>;
  proxy: string | null;
}>;

export type BuildKitInput = Readonly<{
  tenantId: string;
  trust: TrustLevel;
  address: string;
  /** For pushes and pulls below this tenant's and trust's path. */
  credential: string;
}>;

/** Renders how functions become images: everything is below the path of the tenant and trust level. Pure. */
export function renderBuildKit(policy: BuildKitPolicy, input: BuildKitInput): NonNullable<BuildOrder['buildkit']> {
  const { clientDir, registry, namespacePrefix: prefix } = policy;
  const { tenantId, trust } = input;
  const images = imagePrefix(tenantId, trust);
  return {
    address: input.address,
    buildctl: policy.buildctl,
    tls: {
      ca: `${clientDir}/ca.crt`,
      cert: `${clientDir}/tls.crt`,
      key: `${clientDir}/tls.key`,
      serverName: daemonServerName({ prefix, tenantId, trust }),
    },
    registry: { ...registry, images, cache: cachePath(tenantId, trust), credential: input.credential },
    proxy: policy.proxy,
    noProxy: ['localhost', '127.0.0.1', registry.host.replace(/:\d+$/, '')].join(','),
  };
}
