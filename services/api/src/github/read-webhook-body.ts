import { DomainError } from '@wherry/problem';
import type { Request } from 'express';

/** The most bytes of webhooks' bodies that one process holds, counted as they arrive. */
export class ByteBudget {
  private held = 0;

  constructor(private readonly most: number) {}

  /** @returns false, and takes nothing, when that would be too much. */
  take(count: number): boolean {
    if (this.held + count > this.most) return false;
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
 * @throws DomainError `request.too_large`; `platform.unavailable` when other bodies take all the room.
 */
export async function readWebhookBody(request: Request, limits: BodyLimits): Promise<WebhookBody> {
  const { maxBytes, timeoutMs, budget } = limits;
  const tooLarge = () => new DomainError('request.too_large', `A webhook may have at most ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let held = 0;
  const release = () => budget.give(held);
  const tooSlow = setTimeout(() => request.destroy(new Error('The body did not arrive in time.')), timeoutMs);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (held + chunk.length > maxBytes) throw tooLarge();
      if (!budget.take(chunk.length)) {
        throw new DomainError(
          'platform.unavailable',
          'Too many webhooks are arriving at once. Deliver this one again.',
        );
      }
      held += chunk.length;
      chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks), release };
  } catch (error) {
    release();
    throw error;
  } finally {
    clearTimeout(tooSlow);
  }
}
