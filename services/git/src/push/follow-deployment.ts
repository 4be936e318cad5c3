import type { PushProgress, WatchedPush } from '@wherry/db';
import { describeError, type Log } from '@wherry/logging';
import type { Bell } from './bell';
import type { ProgressLines } from './progress-lines';

export interface ProgressSource {
  read(tenantId: string, push: WatchedPush, cursor: bigint): Promise<PushProgress>;
}

/** Where the lines go. Both return when there is room for more; a client that left takes everything at once. */
export interface Terminal {
  say(line: string): Promise<void>;
  keepAlive(): Promise<void>;
}

export type FollowTimes = Readonly<{
  /** After this the person is told where to look instead. */
  limitMs: number;
  /** The longest silence before a sign of life; also how often the database is read without a notification. */
  quietMs: number;
  /** After this without a deployment the person is told what is waited for. */
  planMs: number;
}>;

export const followTimes: FollowTimes = { limitMs: 15 * 60_000, quietMs: 4_000, planMs: 10_000 };

/** Tells a push how its deployment goes, until it is finished. What is built does not depend on anyone following. */
export class FollowDeployment {
  constructor(
    private readonly source: ProgressSource,
    private readonly bell: Bell,
    private readonly now: () => number,
    private readonly log: Log,
    private readonly times: FollowTimes = followTimes,
  ) {}

  /**
   * Returns when the deployment is finished or the time is over.
   * @param gone given when the client has left.
   * @param stopping given when this process ends: the person is told where to look on.
   */
  async follow(
    tenantId: string,
    push: WatchedPush,
    lines: ProgressLines,
    terminal: Terminal,
    signals: Readonly<{ gone: AbortSignal; stopping: AbortSignal }>,
  ): Promise<void> {
    const either = AbortSignal.any([signals.gone, signals.stopping]);
    // This push overtakes earlier ones that are not planned yet: nothing in the database tells them.
    this.bell.ring(tenantId, '', false);
    const heard = this.bell.listen(tenantId);
    const startedAt = this.now();
    let cursor = 0n;
    let isPlanTold = false;
    try {
      while (!either.aborted && this.now() - startedAt < this.times.limitMs) {
        const progress = await this.read(tenantId, push, cursor);
        const { lines: fresh, isDone } = progress === null ? { lines: [], isDone: false } : lines.next(progress);
        for (const line of fresh) await terminal.say(line);
        if (isDone) return;
        cursor = progress?.logs.cursor ?? cursor;
        if (progress?.logs.isMore === true) continue;
        if (progress?.deployment) heard.narrowTo(progress.deployment.id);
        else if (progress !== null && !isPlanTold && this.now() - startedAt >= this.times.planMs) {
          isPlanTold = true;
          await terminal.say('Stored. Waiting for the platform to plan the deployment.');
        }
        const askedAt = this.now();
        await heard.wait(this.times.quietMs, either);
        if (this.now() - askedAt >= this.times.quietMs) await terminal.keepAlive();
      }
      if (!signals.gone.aborted) await terminal.say(`The deployment goes on without this terminal: ${lines.url}`);
    } finally {
      heard.stop();
    }
  }

  /** Null while the database does not answer: the next try comes by itself. */
  private async read(tenantId: string, push: WatchedPush, cursor: bigint): Promise<PushProgress | null> {
    try {
      return await this.source.read(tenantId, push, cursor);
    } catch (error) {
      this.log.write({ op: 'push.follow', ok: false, tenantId, message: describeError(error) });
      return null;
    }
  }
}
