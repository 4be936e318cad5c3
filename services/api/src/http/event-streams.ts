import { once } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import { operations, type Operation } from '@wherry/contract/api';
import { DomainError } from '@wherry/problem';
import type { Request, Response } from 'express';
import type { ApiSettings } from '../config';
import { SETTINGS } from '../system';
import { Authenticate } from './authenticate';
import { ChangeFeed, topics } from './change-feed';
import { contextOf, type Caller } from './request-context';

/** `id` is the place to go on after: browsers send it back as `Last-Event-ID`. */
export type ServerEvent = Readonly<{ event: string; data: unknown; id?: string }>;

/** What a stream tells. `read` gives what is new since the last time; an empty list means: wait for a topic. */
export type EventSource = Readonly<{
  topics: readonly string[];
  read: () => Promise<Readonly<{ events: readonly ServerEvent[]; isOver?: boolean }>>;
}>;

/** The key under which the streams of one session or token are counted and ended. */
export function callerKey(caller: Caller): string {
  return caller.kind === 'token' ? caller.tokenId : Buffer.from(caller.sessionHash).toString('hex');
}

/** Server-sent events (HTML Living Standard, section 9.2). */
@Injectable()
export class EventStreams {
  private readonly open = new Map<string, number>();

  constructor(
    @Inject(ChangeFeed) private readonly feed: ChangeFeed,
    @Inject(Authenticate) private readonly authenticate: Authenticate,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  /**
   * Tells a source until it is over, the client leaves, or the caller may no longer see it: that is asked again at
   * each heartbeat, and at once when the session ends here.
   * @throws DomainError `request.too_many` before anything is sent.
   */
  async send(request: Request, response: Response, source: EventSource): Promise<void> {
    const { caller } = contextOf(request);
    if (caller === undefined) throw new Error('A stream was opened for nobody.');
    const key = callerKey(caller);
    this.enter(key);
    const bell = new Bell();
    const leave = this.feed.subscribe([...source.topics, topics.caller(key)], () => bell.ring());
    response.once('close', () => bell.ring());
    try {
      begin(response);
      await this.tell(request, response, source, bell);
    } finally {
      leave();
      bell.stop();
      this.leave(key);
      response.end();
    }
  }

  private async tell(request: Request, response: Response, source: EventSource, bell: Bell): Promise<void> {
    for (;;) {
      const { events, isOver } = await source.read();
      if (response.closed) return;
      for (const event of events) await write(response, format(event));
      if (isOver || response.closed) return;
      if (events.length > 0) continue;
      const waited = await bell.wait(this.settings.limits.heartbeatMs);
      if (response.closed || this.feed.isEnded || !(await this.isStillAllowed(request))) return;
      if (waited === 'late') await write(response, ': still here\n\n');
    }
  }

  private async isStillAllowed(request: Request): Promise<boolean> {
    const { operation, access, requestId } = contextOf(request);
    const { cookie, authorization } = request.headers;
    try {
      const shape: Operation = operations[operation!];
      await this.authenticate.execute(shape, access?.tenant.slug ?? null, { cookie, authorization, requestId });
      return true;
    } catch (error) {
      if (error instanceof DomainError) return false;
      throw error;
    }
  }

  private enter(key: string): void {
    const count = this.open.get(key) ?? 0;
    if (count >= this.settings.limits.streams) {
      throw new DomainError('request.too_many', `At most ${count} streams may be open at a time; close one first.`);
    }
    this.open.set(key, count + 1);
  }

  private leave(key: string): void {
    const count = (this.open.get(key) ?? 1) - 1;
    if (count === 0) this.open.delete(key);
    else this.open.set(key, count);
  }
}

/** Rings while nobody waits are kept, so that no change between a read and the wait is missed. */
class Bell {
  private isRung = false;
  private answer: ((how: 'rung' | 'late') => void) | null = null;
  private timer: NodeJS.Timeout | undefined;

  ring(): void {
    this.isRung = true;
    this.answer?.('rung');
  }

  async wait(timeoutMs: number): Promise<'rung' | 'late'> {
    if (!this.isRung) {
      const how = await new Promise<'rung' | 'late'>((resolve) => {
        this.answer = resolve;
        this.timer = setTimeout(() => resolve('late'), timeoutMs);
      });
      this.stop();
      if (how === 'late') return how;
    }
    this.isRung = false;
    return 'rung';
  }

  stop(): void {
    clearTimeout(this.timer);
    this.answer = null;
  }
}

function begin(response: Response): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  response.flushHeaders();
}

function format({ event, data, id }: ServerEvent): string {
  const place = id === undefined ? '' : `id: ${id}\n`;
  return `${place}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Waits for a slow client instead of holding its backlog in memory. */
async function write(response: Response, text: string): Promise<void> {
  if (response.closed || response.write(text)) return;
  await Promise.race([once(response, 'drain'), once(response, 'close')]);
}
