import type { KeyObject } from 'node:crypto';
import { imagePath, imagePrefix } from '@wherry/cluster';
import type { TrustLevel } from '@wherry/domain';
import { issueCredential, RegistryClient } from '@wherry/registry';
import type { Artifacts, ArtifactPlace } from '../build/builder-runner';
import type { Clock } from '../clock';

export type RegistryArtifactsOptions = Readonly<{
  registry: Readonly<{ host: string; plainHttp: boolean; service: string; tokenUrl: string }>;
  /** The worker's Ed25519 private key. */
  key: KeyObject;
  clock: Pick<Clock, 'now'>;
}>;

/** Longer than the longest build; as long as a worker's credential may last. */
const buildSeconds = 2 * 3600;
const lookSeconds = 60;

/** Artifacts as images in the registry. What nobody needs there is removed by the controller. */
export class RegistryArtifacts implements Artifacts {
  constructor(private readonly options: RegistryArtifactsOptions) {}

  /** All of them: a builder asks the registry itself for the image that it would use again. */
  async existing(digests: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(digests);
  }

  async isThere({ tenantId, trust, functionName }: ArtifactPlace, digest: string): Promise<boolean> {
    const { host, plainHttp, service, tokenUrl } = this.options.registry;
    const registryUrl = `${plainHttp ? 'http' : 'https'}://${host}`;
    const credential = () => this.credential(tenantId, trust, lookSeconds);
    const client = new RegistryClient({ registryUrl, tokenUrl, service, credential });
    return (await client.manifest(imagePath(tenantId, trust, functionName), digest)) !== null;
  }

  async removeUnused(): Promise<number> {
    return 0;
  }

  /** For pushes and pulls below the path of a tenant and trust level. */
  credential(tenantId: string, trust: TrustLevel, lifetimeSeconds = buildSeconds): Promise<string> {
    const { registry, key, clock } = this.options;
    const grants = [{ below: imagePrefix(tenantId, trust), actions: ['push', 'pull'] }] as const;
    const order = { issuer: 'worker', service: registry.service, grants, lifetimeSeconds } as const;
    return issueCredential(order, key, clock.now() / 1000);
  }
}
