import { Inject, Injectable } from '@nestjs/common';
import type { GithubApp } from '@wherry/contract/api';
import { ConsoleGithubAppStore, type GithubAppRow } from '@wherry/db';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import { SETTINGS } from '../system';

/** Tells which App the platform is. */
@Injectable()
export class DescribeApp {
  constructor(
    @Inject(ConsoleGithubAppStore) private readonly store: ConsoleGithubAppStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  async execute(isOperator: boolean): Promise<OutputOf<'getGithubApp'>> {
    const app = await this.store.find();
    if (app === null) return { app: null };
    const { slug, name, ownerLogin, isPublic, htmlUrl, createdAt } = app;
    return {
      app: {
        ...{ slug, name, owner: ownerLogin, isPublic, htmlUrl, installUrl: `${htmlUrl}/installations/new` },
        createdAt: createdAt.toISOString(),
        credentials: isOperator ? await this.credentials(app) : null,
      },
    };
  }

  private async credentials({ slug }: GithubAppRow): Promise<GithubApp['credentials']> {
    const webhookSecrets = (await this.store.credentials('webhook_secret')).map(credentialView);
    const privateKey = (await this.store.credentials('private_key')).map(credentialView)[0] ?? null;
    // GitHub sends on from there to the settings of an organisation's App.
    return { webhookSecrets, privateKey, settingsUrl: `${this.settings.githubUrl}/settings/apps/${slug}` };
  }
}

export function credentialView({ version, createdAt }: Readonly<{ version: number; createdAt: Date }>) {
  return { version, createdAt: createdAt.toISOString() };
}
