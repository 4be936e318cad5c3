import { Inject, Injectable } from '@nestjs/common';
import { type GithubCredentialKind, ConsoleGithubAppStore, NoSealingKeyError, type SealCredential } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { credentialPlace, seal } from '@wherry/sealing';
import type { ApiSettings } from '../config';
import type { InputOf, OutputOf } from '../http/operation';
import { actorOf, type Caller } from '../http/request-context';
import { hashOf, newSecretValue, SETTINGS, SYSTEM, type System } from '../system';
import { GithubAppClient, type NewGithubApp } from './app-client';
import { appManifest } from './app-manifest';
import { normalizePrivateKey } from './private-key';

type SessionCaller = Extract<Caller, { kind: 'session' }>;
/** What the browser brings back from GitHub. */
type Returned = Readonly<{ state: string; code: string }>;

/**
 * Registers the platform as a GitHub App: a form sends the operator's browser to GitHub with a manifest, GitHub makes
 * the App and sends the browser back with a code, and for the code it tells the App's keys.
 */
@Injectable()
export class RegisterApp {
  constructor(
    @Inject(ConsoleGithubAppStore) private readonly store: ConsoleGithubAppStore,
    @Inject(GithubAppClient) private readonly client: GithubAppClient,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /** @throws DomainError `github.sandbox_required`, `github.already_registered` */
  async begin(
    caller: SessionCaller,
    { name, organization, isPublic, hasWebhooks }: InputOf<'beginGithubRegistration'>['body'],
  ): Promise<OutputOf<'beginGithubRegistration'>> {
    refuseWithoutSandbox(this.settings);
    if ((await this.store.find()) !== null) throw alreadyRegistered();
    const now = this.system.now();
    const expiresAt = new Date(now.getTime() + this.settings.limits.registrationMs);
    const state = newSecretValue('', this.system);
    await this.store.beginRegistration(hashOf(state), caller.sessionHash, { now, expiresAt, isPublic });
    const account = organization === null ? '' : `/organizations/${organization}`;
    return {
      action: `${this.settings.githubUrl}${account}/settings/apps/new?state=${state}`,
      manifest: JSON.stringify(appManifest(this.settings.consoleUrl, { name, isPublic, hasWebhooks })),
      expiresAt: expiresAt.toISOString(),
    };
  }

  /**
   * Takes the App over. The state is used up first, so that a code can be brought here once, and by whom it was begun.
   * @throws DomainError `github.sandbox_required`, `github.registration_invalid`, `github.registration_failed`,
   * `github.already_registered`, or `platform.unavailable` as long as the worker has not published its key.
   */
  async complete(caller: SessionCaller, requestId: string, { state, code }: Returned): Promise<void> {
    refuseWithoutSandbox(this.settings);
    const begun = await this.store.endRegistration(hashOf(state), caller.sessionHash, this.system.now());
    if (begun === null) {
      throw new DomainError(
        'github.registration_invalid',
        'This session did not begin that registration, or more than an hour ago. Delete the App on GitHub, and begin again.',
      );
    }
    const app = await this.client.convertManifest(code);
    const values = credentialsOf(app);
    const kinds = Object.keys(values) as GithubCredentialKind[];
    const { appId, slug, name, clientId, htmlUrl, ownerLogin } = app;
    const row = { appId: BigInt(appId), slug, name, clientId, htmlUrl, ownerLogin, isPublic: begun.isPublic };
    const isMade = await sealing(() => this.store.register(actorOf(caller, requestId), row, kinds, sealer(values)));
    if (!isMade) throw alreadyRegistered();
  }
}

type Values = Partial<Record<GithubCredentialKind, string>>;

function credentialsOf({ privateKeyPem, clientSecret, webhookSecret }: NewGithubApp): Values {
  return {
    private_key: normalizePrivateKey(privateKeyPem),
    client_secret: clientSecret,
    ...(webhookSecret === null ? {} : { webhook_secret: webhookSecret }),
  };
}

/** Seals each value for the version that it becomes. */
export function sealer(values: Values): SealCredential {
  return (kind, version, publicKey) =>
    seal(publicKey, { ...credentialPlace(kind, version), value: Buffer.from(values[kind] ?? '', 'utf8') });
}

/** @throws DomainError `platform.unavailable` when `work` finds no key to seal to. */
export async function sealing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof NoSealingKeyError)) throw cause;
    throw new DomainError('platform.unavailable', `The ${cause.holder} is not ready to take keys yet. Try again.`, {
      cause,
    });
  }
}

function refuseWithoutSandbox({ sandbox }: ApiSettings): void {
  if (sandbox !== 'none') return;
  throw new DomainError(
    'github.sandbox_required',
    'Without a sandbox, code from GitHub could read everything here. Install bubblewrap ' +
      '(`apt-get install bubblewrap`), start again, and register the App then.',
  );
}

function alreadyRegistered(): DomainError {
  return new DomainError(
    'github.already_registered',
    'The platform has a GitHub App already. Unregister it before you register another one.',
  );
}
