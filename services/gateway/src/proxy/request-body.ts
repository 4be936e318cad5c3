import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** The caller sent more than the limit. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/**
 * A request's body as it is read by the way to the function. It reads from the caller only when it is read itself, so
 * that a slow function slows its caller down, and a call that was not sent yet can be sent elsewhere. Destroying it
 * leaves the caller's connection alone, which still has to carry the reply.
 */
export class RequestBody extends Readable {
  private received = 0;
  private hasStarted = false;

  constructor(
    private readonly req: IncomingMessage,
    private readonly res: ServerResponse,
    private readonly options: Readonly<{ limitBytes: number; expectsContinue: boolean }>,
  ) {
    super();
  }

  override _read(): void {
    if (!this.hasStarted) {
      this.hasStarted = true;
      this.req.on('data', this.onData).on('end', this.onEnd).on('error', this.onError);
      // Only now: a caller that asks first is told to send what somebody will read.
      if (this.options.expectsContinue && !this.res.headersSent) this.res.writeContinue();
    }
    this.req.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.req.off('data', this.onData).off('end', this.onEnd).off('error', this.onError);
    done(error);
  }

  private readonly onData = (chunk: Buffer): void => {
    this.received += chunk.length;
    if (this.received > this.options.limitBytes) this.destroy(new BodyTooLarge('The request body is too large.'));
    else if (!this.push(chunk)) this.req.pause();
  };

  private readonly onEnd = (): void => {
    this.push(null);
  };

  private readonly onError = (error: Error): void => {
    this.destroy(error);
  };
}

/** How long a caller may go on sending a body that nobody wants, after its reply. */
const drainMs = 5_000;

/**
 * Reads and drops what the caller still sends once it was answered. Closing at once could cost it the reply: a
 * connection closed with unread bytes is reset.
 */
export function dropRestOfBody(req: IncomingMessage): void {
  if (req.complete || req.destroyed) return;
  // Nobody reads the caller's error event any more, and an unheard one would end the process.
  req.on('error', () => undefined).resume();
  const timer = setTimeout(() => req.socket.destroy(), drainMs);
  req.once('close', () => clearTimeout(timer));
  req.once('end', () => clearTimeout(timer));
}
