import { Inject, Injectable } from '@nestjs/common';
import { AccessStore, SessionStore } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import { hashOf, newSecretValue, SETTINGS, SYSTEM, type System } from '../system';
import type { SessionCaller } from './describe-session';

/** Turns a one-time link into a session. */
@Injectable()
export class BeginSession {
  constructor(
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(AccessStore) private readonly access: AccessStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /**
   * @param formerValue of the cookie that came along: that session ends, so that none outlives a login in its browser.
   * @returns the cookie's value, told once, and who it signs in.
   * @throws DomainError `login.link_invalid` when the link is unknown, used or too old: which one is not told.
   */
  async execute(link: string, formerValue: string | null): Promise<{ value: string; caller: SessionCaller }> {
    const now = this.system.now();
    const value = newSecretValue('', this.system);
    const sessionHash = hashOf(value);
    const expiresAt = new Date(now.getTime() + this.settings.limits.sessionMs);
    const formerHash = formerValue === null ? null : hashOf(formerValue);
    const session = { tokenHash: sessionHash, formerHash, now, expiresAt };
    const isBegun = await this.sessions.beginSession(hashOf(link), session);
    const found = isBegun ? await this.access.findSession(sessionHash, null, { now, idleSince: new Date(0) }) : null;
    if (found === null) {
      throw new DomainError(
        'login.link_invalid',
        'This login link was used already, is too old, or never existed. Ask an operator for a new one.',
      );
    }
    const { userId, userName, auditName, isOperator } = found;
    return { value, caller: { kind: 'session', sessionHash, userId, userName, auditName, isOperator, expiresAt } };
  }
}
