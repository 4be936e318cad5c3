import { DomainError } from '@wherry/problem';
import type { Request } from 'express';

/** GitHub's webhooks have some ten kilobytes; those of huge pushes are the exception. Nothing small waits for a large one. */
export const largeBytes = 512 * 1024;

/**
 * The most bytes of webhooks' bodies that one process holds, counted as they arrive. A quarter of them is for bodies that
 * are not large: large ones, which anybody can send before the signature is checked, keep no others out.
 */
export class ByteBudget {
  private held = 0;

  constructor(private readonly most: number) {}

  /**
   * @param held what was taken for the same body before.
   * @returns false, and takes nothing, when that would be too much.
   */
  take(count: number, held: number): boolean {
    const most = held + count > largeBytes ? (this.most / 4) * 3 : this.most;
    if (this.held + count > most) return false;
    this.held += count;
    return true;
  }

  give(count: number): void {
    this.held -= count;
  }
}

export type BodyLimits = Readonly<{ maxBytes: number; timeoutMs: number; budget: ByteBudget }>;
/** `release` has to be called once nobody holds the bytes any more. */
export type WebhookBody = Readonly<{ bytes: Buffer; release: () => void }>;

/**
 * Reads a body as it is, because the signature is over its bytes. Bytes count from the moment they are here, not when
 * they are announced: a client that announces much and sends nothing keeps nobody else out.
 * @throws DomainError `request.too_large`; `request.too_slow` when it is not here in time; `platform.unavailable` when
 * other bodies take all the room.
 */
export async function readWebhookBody(request: Request, limits: BodyLimits): Promise<WebhookBody> {
  const { maxBytes, timeoutMs, budget } = limits;
  const tooLarge = () => new DomainError('request.too_large', `A webhook may have at most ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let held = 0;
  const release = () => budget.give(held);
  const late = lateness(timeoutMs);
  const body: AsyncIterator<Buffer, undefined> = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      // The request is not destroyed when it is late: it could not be answered any more.
      const { value: chunk, done } = await Promise.race([body.next(), late.error]);
      if (done) return { bytes: Buffer.concat(chunks), release };
      if (held + chunk.length > maxBytes) throw tooLarge();
      if (!budget.take(chunk.length, held)) {
        throw new DomainError(
          'platform.unavailable',
          'Too many webhooks are arriving at once. Deliver this one again.',
        );
      }
      held += chunk.length;
      chunks.push(chunk);
    }
  } catch (error) {
    release();
    throw error;
  } finally {
    late.stop();
    void body.return?.();
  }
}

/** Fails after `timeoutMs`, unless it is stopped before. */
function lateness(timeoutMs: number): { error: Promise<never>; stop: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const detail = `The body of a webhook has to arrive within ${timeoutMs / 1_000} seconds.`;
  const timer = setTimeout(() => reject(new DomainError('request.too_slow', detail)), timeoutMs);
  return { error: promise, stop: () => clearTimeout(timer) };
}
