import { Inject, Injectable } from '@nestjs/common';
import type { GithubDelivery } from '@wherry/contract/api';
import { type Actor, type DeliveryRow, ConsoleGithubDeliveryStore, type TenantRow, type Tx } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { Queue } from '@wherry/queue';
import type { InputOf, OutputOf } from '../http/operation';

/** Bytes of a payload that are shown; GitHub's are some ten kilobytes, and 25 megabytes at most. */
const shownBytes = 256 * 1024;

type Page = OutputOf<'listDeliveries'>;
type Query = InputOf<'listDeliveries'>['query'];

/** Shows webhooks, and has them handled again. */
@Injectable()
export class Deliveries {
  constructor(
    @Inject(ConsoleGithubDeliveryStore) private readonly store: ConsoleGithubDeliveryStore,
    @Inject(Queue) private readonly queue: Queue,
  ) {}

  /** Newest first; the cursor is the id of the last delivery before. */
  async list(tenant: TenantRow, query: Query): Promise<Page> {
    return page(await this.store.list(tenant.id, filterOf(query)), query.limit);
  }

  async listUnclaimed(query: Query): Promise<Page> {
    return page(await this.store.listUnclaimed(filterOf(query)), query.limit);
  }

  /** @throws DomainError `delivery.not_found` */
  async get(tenant: TenantRow, id: string): Promise<OutputOf<'getDelivery'>> {
    const row = await this.store.find(tenant.id, id, shownBytes);
    if (row === null) throw notFound();
    const payload = row.body === null ? null : Buffer.from(row.body).toString('utf8');
    return { ...view(row), payload, payloadBytes: row.byteCount };
  }

  /** @throws DomainError `delivery.not_found`, `delivery.too_old` */
  async replay(tenant: TenantRow, actor: Actor, id: string): Promise<GithubDelivery> {
    return replayed(await this.store.replay(tenant.id, actor, id, this.enqueue));
  }

  /** @throws DomainError `delivery.not_found`, `delivery.too_old` */
  async replayUnclaimed(actor: Actor, id: string): Promise<GithubDelivery> {
    return replayed(await this.store.replayUnclaimed(actor, id, this.enqueue));
  }

  private readonly enqueue = (tx: Tx, ids: readonly string[]): Promise<void> =>
    this.queue.sendAll(
      tx,
      'delivery',
      ids.map((deliveryId) => ({ deliveryId })),
    );
}

function filterOf({ status, event, cursor, limit }: Query) {
  return {
    ...(status === undefined ? {} : { status }),
    ...(event === undefined ? {} : { event }),
    ...(cursor === undefined ? {} : { before: cursor }),
    limit: limit + 1,
  };
}

function page(rows: readonly DeliveryRow[], limit: number): Page {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { deliveries: shown.map(view), nextCursor: last?.id ?? null };
}

function replayed(row: DeliveryRow | null): GithubDelivery {
  if (row === null) throw notFound();
  if (row.hasBody) return view(row);
  throw new DomainError('delivery.too_old', 'The content of this delivery was removed; it cannot be handled again.');
}

function view(row: DeliveryRow): GithubDelivery {
  const { id, event, action, repository, status, outcome, attempts, receivedAt, handledAt, hasBody } = row;
  return {
    ...{ id, event, action, repository, status, outcome, attempts, canReplay: hasBody },
    receivedAt: receivedAt.toISOString(),
    handledAt: handledAt?.toISOString() ?? null,
  };
}

function notFound(): DomainError {
  return new DomainError('delivery.not_found', 'There is no such delivery.');
}
