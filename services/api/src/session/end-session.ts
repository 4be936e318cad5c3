import { Inject, Injectable } from '@nestjs/common';
import { type Actor, SessionStore } from '@wherry/db';
import { ChangeFeed, topics } from '../http/change-feed';
import { callerKey } from '../http/event-streams';
import type { SessionCaller } from './describe-session';

/** Signs out, and ends the session's streams. */
@Injectable()
export class EndSession {
  constructor(
    @Inject(SessionStore) private readonly store: SessionStore,
    @Inject(ChangeFeed) private readonly feed: ChangeFeed,
  ) {}

  async execute(caller: SessionCaller): Promise<void> {
    await this.store.endSession(caller.sessionHash);
    this.feed.wake(topics.caller(callerKey(caller)));
  }

  /** Signs out on all devices. Streams that other processes hold end at their next heartbeat. */
  async everywhere(actor: Actor, { userId }: SessionCaller): Promise<void> {
    const ended = await this.store.endSessions(actor, userId);
    for (const hash of ended) this.feed.wake(topics.caller(Buffer.from(hash).toString('hex')));
  }
}
