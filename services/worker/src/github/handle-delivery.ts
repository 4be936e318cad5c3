import type { DeliveryOutcome, GithubDeliveryStore, OpenDelivery } from '@wherry/db';
import { isGithub } from '@wherry/github';
import { describeError, type Log } from '@wherry/logging';
import { ZodError } from 'zod';
import type { Clock } from '../clock';
import { SourceRefusedError } from '../source/source';
import { type EventHandlers, IgnoredError } from './event-handlers';
import { NoGithubAppError } from './github-connection';
import { Envelope } from './payloads';

export type HandleDeliveryParts = Readonly<{
  deliveries: GithubDeliveryStore;
  handlers: EventHandlers;
  clock: Clock;
  log: Log;
}>;

/** How long a delivery that cannot be handled is tried again. GitHub keeps its own for three days too. */
const givenUpAfterMs = 3 * 86_400_000;

/** Handles one stored webhook delivery. It may run twice, and at once with others: handlers only look at what is now. */
export class HandleDelivery {
  constructor(private readonly parts: HandleDeliveryParts) {}

  /** @throws what keeps it from being handled now; it stays open, and is tried again. */
  async execute(deliveryId: string): Promise<void> {
    const { deliveries, clock, log } = this.parts;
    const delivery = await deliveries.readOpen(deliveryId);
    if (!delivery) return;
    const startedAt = clock.now();
    const note = (ok: boolean, message: string, tenantId?: string, repositoryId?: string) => {
      const durationMs = clock.now() - startedAt;
      const text = `${delivery.event} ${deliveryId}: ${message}`;
      log.write({ op: 'delivery.handle', ok, tenantId, repositoryId, durationMs, message: text });
    };
    try {
      const outcome = await this.outcomeOf(delivery);
      await deliveries.settle(deliveryId, outcome);
      const { tenantId, repositoryId } = outcome;
      note(outcome.status !== 'failed', outcome.outcome, tenantId ?? undefined, repositoryId ?? undefined);
    } catch (error) {
      await deliveries.postpone(deliveryId, `${firstWords(error)} It is tried again.`);
      note(false, describeError(error));
      throw error;
    }
  }

  private async outcomeOf(delivery: OpenDelivery): Promise<DeliveryOutcome> {
    const nobodys = { tenantId: null, repositoryId: null };
    try {
      const payload = payloadOf(delivery);
      const envelope = Envelope.parse(payload);
      const handled = await this.parts.handlers.handle(delivery, envelope, payload);
      return { status: 'done', ...nobodys, ...handled };
    } catch (error) {
      if (error instanceof IgnoredError)
        return { status: 'ignored', outcome: error.message, ...nobodys, ...error.whose };
      const failure = failureOf(error);
      if (failure !== null) return { status: 'failed', outcome: failure, ...nobodys };
      if (this.parts.clock.now() - delivery.receivedAtMs < givenUpAfterMs) throw error;
      return { status: 'failed', outcome: `It was tried for three days: ${firstWords(error)}`, ...nobodys };
    }
  }
}

function payloadOf({ body }: OpenDelivery): unknown {
  if (body === null) throw new SyntaxError('its body was dropped');
  return JSON.parse(Buffer.from(body).toString('utf8'));
}

/** What trying again cannot help, as a sentence; null for what may pass. */
function failureOf(error: unknown): string | null {
  if (error instanceof ZodError) {
    const fields = error.issues.map(({ path }) => path.join('.') || 'the body').slice(0, 5);
    return `The payload is not what GitHub sends with this event: ${fields.join(', ')}.`;
  }
  if (error instanceof SyntaxError) return `The body is not JSON: ${error.message}.`;
  if (error instanceof NoGithubAppError || error instanceof SourceRefusedError) return error.message;
  if (isGithub(error, 'gone', 'refused', 'invalid')) return error.message;
  return null;
}

function firstWords(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
