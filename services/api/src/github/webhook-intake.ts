import type { ConsoleGithubDeliveryStore, NewDelivery } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { Queue } from '@wherry/queue';
import type { Request, RequestHandler, Response } from 'express';
import type { Limits } from '../config';
import { answerProblem } from '../http/problem.filter';
import { contextOf } from '../http/request-context';
import type { System } from '../system';
import { deliveryFacts } from './delivery-facts';
import { DeliveryWriter } from './delivery-writer';
import { ByteBudget, largeBytes, readWebhookBody } from './read-webhook-body';
import { isSigned, parseSignature } from './verify-signature';
import type { WebhookSecrets } from './webhook-secrets';

export type IntakeParts = Readonly<{
  secrets: WebhookSecrets;
  store: ConsoleGithubDeliveryStore;
  queue: Queue;
  limits: Limits;
  system: System;
}>;

/**
 * Takes GitHub's webhooks. GitHub never sends one again by itself, so 202 is answered only when the delivery and the job
 * that handles it are stored, and everything else is an answer that GitHub records as failed, for the sweeper to find.
 * Whoever cannot sign leaves no row. A delivery that was stored before is answered 202 and changes nothing.
 *
 * A body that is signed and yet no JSON object cannot have come from GitHub as it is set up here: it is stored as
 * failed, so that it shows in the list, and refused with 400. Form-encoded webhooks are refused with 415 unread.
 */
export function webhookIntake(parts: IntakeParts): RequestHandler {
  const { limits, store, queue, system } = parts;
  const budget = new ByteBudget(limits.webhookBytesAtOnce);
  const save = (deliveries: readonly NewDelivery[]) =>
    store.receive(deliveries, system.now(), (tx, ids) =>
      queue.sendAll(
        tx,
        'delivery',
        ids.map((deliveryId) => ({ deliveryId })),
      ),
    );
  // Storing a large one takes long, and no small one waits behind it.
  const writers = { small: new DeliveryWriter(save), large: new DeliveryWriter(save) };
  return (request, response) => {
    contextOf(request).op = 'github.receive';
    receive(request, parts, budget, writers).then(
      () => void response.status(202).end(),
      (error: unknown) => refuse(error, request, response),
    );
  };
}

async function receive(
  request: Request,
  { secrets, limits, system }: IntakeParts,
  budget: ByteBudget,
  writers: Readonly<{ small: DeliveryWriter; large: DeliveryWriter }>,
): Promise<void> {
  const arrivedAt = system.now().getTime();
  const { id, event, signature } = readHeaders(request);
  if ((await secrets.current()).length === 0 && (await secrets.since(arrivedAt)).length === 0) throw notSigned();
  const { bytes, release } = await readWebhookBody(request, {
    ...{ maxBytes: limits.webhookBytes, timeoutMs: limits.webhookMs, budget },
  });
  try {
    // A secret that was made a moment ago may not have been read yet.
    const fits =
      isSigned(bytes, signature, await secrets.current()) || isSigned(bytes, signature, await secrets.since(arrivedAt));
    if (!fits) throw notSigned();
    const facts = deliveryFacts(bytes);
    const failure = facts === null ? 'Its body is not a JSON object.' : null;
    const known = facts ?? { action: null, installationId: null, repositoryId: null };
    const writer = bytes.length > largeBytes ? writers.large : writers.small;
    await storeWith(writer, { id, event, ...known, body: bytes, failure });
    if (failure !== null) throw new DomainError('request.invalid', `The webhook is not valid. ${failure}`);
  } finally {
    release();
  }
}

/** @throws DomainError for a header that is missing or has another form than GitHub gives it. */
function readHeaders(request: Request): { id: string; event: string; signature: Buffer } {
  if (!request.is('application/json')) {
    const advice = 'Set the content type of the App\'s webhook to "application/json" on GitHub.';
    throw new DomainError('request.unsupported_type', `Webhooks are taken as JSON only. ${advice}`);
  }
  const signature = parseSignature(request.get('x-hub-signature-256'));
  if (signature === null) throw notSigned();
  const event = request.get('x-github-event') ?? '';
  const id = (request.get('x-github-delivery') ?? '').toLowerCase();
  if (!/^[a-z_]{1,64}$/.test(event)) {
    throw new DomainError('request.invalid', 'The header X-GitHub-Event does not name an event.');
  }
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
    throw new DomainError('request.invalid', 'The header X-GitHub-Delivery is not a GUID.');
  }
  return { id, event, signature };
}

async function storeWith(writer: DeliveryWriter, delivery: NewDelivery): Promise<void> {
  try {
    await writer.write(delivery);
  } catch (cause) {
    throw new DomainError('platform.unavailable', 'The delivery could not be stored. Deliver it again.', { cause });
  }
}

function notSigned(): DomainError {
  return new DomainError(
    'github.signature_invalid',
    'X-Hub-Signature-256 does not fit: the webhook was not signed with a secret of this App.',
  );
}

function refuse(error: unknown, request: Request, response: Response): void {
  if (error instanceof DomainError && error.code === 'platform.unavailable') response.setHeader('retry-after', '5');
  answerProblem(error, request, response);
}
