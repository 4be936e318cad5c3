import { Inject, Injectable } from '@nestjs/common';
import { type Actor, SessionStore } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import { hashOf, newSecretValue, SETTINGS, SYSTEM, type System } from '../system';

/** Makes a one-time login link. Its value is after the `#`, so that no server's log ever holds it. */
@Injectable()
export class CreateLoginLink {
  constructor(
    @Inject(SessionStore) private readonly store: SessionStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /** @throws DomainError `user.not_found` */
  async execute(actor: Actor, userId: string): Promise<OutputOf<'createLoginLink'>> {
    const now = this.system.now();
    const value = newSecretValue('', this.system);
    const expiresAt = new Date(now.getTime() + this.settings.limits.loginLinkMs);
    if (!(await this.store.createLink(actor, userId, hashOf(value), { now, expiresAt }))) {
      throw new DomainError('user.not_found', 'There is no user with this id.');
    }
    return { url: `${this.settings.consoleUrl}/login#${value}`, expiresAt: expiresAt.toISOString() };
  }
}
