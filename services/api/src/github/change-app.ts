import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleGithubAppStore } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { OutputOf } from '../http/operation';
import { newSecretValue, SYSTEM, type System } from '../system';
import { credentialView } from './describe-app';
import { normalizePrivateKey } from './private-key';
import { sealer, sealing } from './register-app';

/** One that is used and one that is about to be: more would only hide which is which. */
const mostWebhookSecrets = 2;

/** Changes the keys of the App, and forgets it. */
@Injectable()
export class ChangeApp {
  constructor(
    @Inject(ConsoleGithubAppStore) private readonly store: ConsoleGithubAppStore,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /**
   * Both secrets are taken until the older one is retired, so that no webhook is refused while it is changed on GitHub.
   * @throws DomainError `github.not_registered`, `github.webhook_secrets_full`
   */
  async addWebhookSecret(actor: Actor): Promise<OutputOf<'createGithubWebhookSecret'>> {
    await this.refuseWithoutApp();
    const value = newSecretValue('', this.system);
    const made = await sealing(() =>
      this.store.add(actor, 'webhook_secret', mostWebhookSecrets, sealer({ webhook_secret: value })),
    );
    if (made !== null) return { ...credentialView(made), value };
    throw new DomainError(
      'github.webhook_secrets_full',
      'There are two webhook secrets already. Set the newer one on GitHub and retire the older one first.',
    );
  }

  /** @throws DomainError `github.webhook_secret_not_found`, `github.webhook_secret_needed` */
  async retireWebhookSecret(actor: Actor, version: number): Promise<void> {
    const outcome = await this.store.retire(actor, 'webhook_secret', version);
    if (outcome === 'missing') {
      throw new DomainError('github.webhook_secret_not_found', `There is no webhook secret ${version} in use.`);
    }
    if (outcome === 'last') {
      throw new DomainError(
        'github.webhook_secret_needed',
        'Without this secret no webhook would be taken. Make a new one and set it on GitHub first.',
      );
    }
  }

  /** @throws DomainError `github.not_registered`, `github.private_key_invalid`, `platform.unavailable` */
  async replacePrivateKey(actor: Actor, pem: string): Promise<OutputOf<'replaceGithubPrivateKey'>> {
    const value = normalizePrivateKey(pem);
    await this.refuseWithoutApp();
    const seal = sealer({ private_key: value });
    return credentialView(await sealing(() => this.store.replace(actor, 'private_key', seal)));
  }

  /** @throws DomainError `github.not_registered` */
  async unregister(actor: Actor): Promise<void> {
    if (!(await this.store.unregister(actor))) throw notRegistered();
  }

  private async refuseWithoutApp(): Promise<void> {
    if ((await this.store.find()) === null) throw notRegistered();
  }
}

function notRegistered(): DomainError {
  return new DomainError('github.not_registered', 'No GitHub App is registered. Register one first.');
}
