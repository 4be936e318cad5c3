import type { KeyObject } from 'node:crypto';
import { imagePrefix, type TenantScope } from '@wherry/cluster';
import { credentialUser, issueCredential, type RegistryLogin } from '@wherry/registry';

/** What credentials are made of: the controller's Ed25519 private key for a registry's service, or one login for all. */
export type PullSource =
  Readonly<{ kind: 'issued'; key: KeyObject; service: string }> | Readonly<{ kind: 'login'; login: RegistryLogin }>;

type Kept = { password: string; issuedAtMs: number; isDelivered: boolean };
export type PullCredential = Readonly<{ user: string; password: string; isNew: boolean }>;

/** As long as a controller's credential may last. */
const lifetimeSeconds = 7 * 24 * 3600;

/** Credentials by which nodes pull the images of one tenant and trust level; renewed at half their time. */
export class PullCredentials {
  private readonly kept = new Map<string, Kept>();

  /** @param now epoch milliseconds. */
  constructor(
    private readonly source: PullSource,
    private readonly now: () => number,
  ) {}

  /** `isNew` until it is told to be delivered. */
  async of(scope: TenantScope): Promise<PullCredential> {
    const below = imagePrefix(scope.tenantId, scope.trust);
    const nowMs = this.now();
    let credential = this.kept.get(below);
    if (!credential || nowMs - credential.issuedAtMs >= (lifetimeSeconds * 1000) / 2) {
      credential = { password: await this.password(below, nowMs), issuedAtMs: nowMs, isDelivered: false };
      this.kept.set(below, credential);
    }
    const user = this.source.kind === 'login' ? this.source.login.user : credentialUser;
    return { user, password: credential.password, isNew: !credential.isDelivered };
  }

  private async password(below: string, nowMs: number): Promise<string> {
    if (this.source.kind === 'login') return this.source.login.password;
    const { service, key } = this.source;
    const grants = [{ below, actions: ['pull'] as const }];
    const order = { issuer: 'controller', service, grants, lifetimeSeconds } as const;
    return issueCredential(order, key, nowMs / 1000);
  }

  /** It is in the cluster. */
  delivered(scope: TenantScope, password: string): void {
    const credential = this.kept.get(imagePrefix(scope.tenantId, scope.trust));
    if (credential?.password === password) credential.isDelivered = true;
  }
}
