import type { KeyObject } from 'node:crypto';
import { imagePath, imagePrefix } from '@wherry/cluster';
import type { TrustLevel } from '@wherry/domain';
import {
  issueCredential,
  type RegistryAuthentication,
  RegistryClient,
  type RegistryLogin,
  type RegistryPlace,
  repositoryAt,
} from '@wherry/registry';
import type { Artifacts, ArtifactPlace } from '../build/builder-runner';
import type { Clock } from '../clock';

/** What builds are given for the registry. */
export type BuildLogins =
  /** Credentials below one path each, signed with the worker's Ed25519 private key. */
  | Readonly<{ kind: 'issued'; key: KeyObject; service: string; tokenUrl: string; clock: Pick<Clock, 'now'> }>
  /** The operator's one login, for all of them. */
  | Readonly<{ kind: 'login'; login: RegistryLogin }>;

export type RegistryArtifactsOptions = Readonly<{ place: RegistryPlace; plainHttp: boolean; logins: BuildLogins }>;

/** Longer than the longest build; as long as a worker's credential may last. */
const buildSeconds = 2 * 3600;
const lookSeconds = 60;

/** Artifacts as images in the registry. In the chart's own, the controller removes what nobody needs. */
export class RegistryArtifacts implements Artifacts {
  constructor(private readonly options: RegistryArtifactsOptions) {}

  /** All of them: a builder asks the registry itself for the image that it would use again. */
  async existing(digests: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(digests);
  }

  async isThere({ tenantId, trust, functionName }: ArtifactPlace, digest: string): Promise<boolean> {
    const { place, plainHttp, logins } = this.options;
    const registryUrl = `${plainHttp ? 'http' : 'https'}://${place.host}`;
    const credential = () => this.credential(tenantId, trust, lookSeconds);
    const authentication: RegistryAuthentication =
      logins.kind === 'login'
        ? logins
        : { kind: 'tokens', tokenUrl: logins.tokenUrl, service: logins.service, credential };
    const repository = repositoryAt(place, imagePath(tenantId, trust, functionName));
    return (await new RegistryClient({ registryUrl, authentication }).manifest(repository, digest)) !== null;
  }

  async removeUnused(): Promise<number> {
    return 0;
  }

  /** The password for pushes and pulls below the path of a tenant and trust level. */
  async credential(tenantId: string, trust: TrustLevel, lifetimeSeconds = buildSeconds): Promise<string> {
    const { logins } = this.options;
    if (logins.kind === 'login') return logins.login.password;
    const { service, key, clock } = logins;
    const grants = [{ below: imagePrefix(tenantId, trust), actions: ['push', 'pull'] }] as const;
    return issueCredential({ issuer: 'worker', service, grants, lifetimeSeconds }, key, clock.now() / 1000);
  }
}
