import type { BuildOrder } from '@wherry/contract';
import { cachePath, daemonServerName, imagePrefix } from '@wherry/cluster';
import type { TrustLevel } from '@wherry/domain';
import { type RegistryPlace, repositoryAt } from '@wherry/registry';

/** What the operator decides about every build with BuildKit. */
export type BuildKitPolicy = Readonly<{
  namespacePrefix: string;
  /** Files as the builder sees them. */
  buildctl: string;
  clientDir: string;
  registry: Readonly<{
    place: RegistryPlace;
    plainHttp: boolean;
    service: string;
    /** Of the chart's registry. */
    tokenUrl?: string;
    /** Whose login it is, at a registry of the operator's own. */
    user?: string;
  }>;
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
  const { clientDir, namespacePrefix: prefix } = policy;
  const { place, ...registry } = policy.registry;
  const { tenantId, trust } = input;
  const images = repositoryAt(place, imagePrefix(tenantId, trust));
  const cache = repositoryAt(place, cachePath(tenantId, trust));
  // The chart's registry is beside the daemon; another one is reached as everything else out there.
  const direct = registry.user === undefined ? [place.host.replace(/:\d+$/, '')] : [];
  return {
    address: input.address,
    buildctl: policy.buildctl,
    tls: {
      ca: `${clientDir}/ca.crt`,
      cert: `${clientDir}/tls.crt`,
      key: `${clientDir}/tls.key`,
      serverName: daemonServerName({ prefix, tenantId, trust }),
    },
    registry: { ...registry, host: place.host, images, cache, credential: input.credential },
    proxy: policy.proxy,
    noProxy: ['localhost', '127.0.0.1', ...direct].join(','),
  };
}
