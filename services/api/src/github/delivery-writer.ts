import type { NewDelivery } from '@wherry/db';

type Waiting = Readonly<{ delivery: NewDelivery; done: () => void; failed: (error: unknown) => void }>;

/** One batch holds at most this many deliveries and, unless it holds only one, this many bytes. */
const batchSize = 100;
const batchBytes = 4 * 1_048_576;

/**
 * Stores deliveries in batches, one at a time: all that arrive while a batch is on its way go together in the next one.
 * So a burst costs few transactions and one connection, and a single delivery does not wait for company.
 */
export class DeliveryWriter {
  private waiting: Waiting[] = [];
  private isRunning = false;

  /** @param store stores all of them in one transaction, or none. */
  constructor(private readonly store: (deliveries: readonly NewDelivery[]) => Promise<void>) {}

  /** Resolves when the delivery is stored. @throws what storing it threw. */
  write(delivery: NewDelivery): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ delivery, done, failed });
      this.next();
    });
  }

  private next(): void {
    if (this.isRunning || this.waiting.length === 0) return;
    this.isRunning = true;
    void this.storeBatch(this.takeBatch()).finally(() => {
      this.isRunning = false;
      this.next();
    });
  }

  private takeBatch(): Waiting[] {
    let byteCount = 0;
    let count = 0;
    for (const { delivery } of this.waiting) {
      byteCount += delivery.body.length;
      if (count === batchSize || (count > 0 && byteCount > batchBytes)) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  /** A batch that fails is tried once more one by one, so that no delivery is refused for what is wrong with another. */
  private async storeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.store(batch.map(({ delivery }) => delivery));
      for (const { done } of batch) done();
    } catch (error) {
      if (batch.length === 1) return batch[0]!.failed(error);
      for (const one of batch) await this.storeBatch([one]);
    }
  }
}
