import type { Receipt, ReceiptSegment } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { formatReceipt } from './receipt-line';
import { fileNameOf, type SegmentFiles, type SegmentName } from './segment-files';
import { shipSegments } from './ship-segments';

const receiptOf = (callId: string): Receipt => ({
  ...{ tenantId: 't', callId, functionId: 'f', revisionId: 'r', replicaId: 'p', startedAtMs: 1, durationMs: 1 },
  ...{ memoryMiB: 1, status: 200, outcome: 'complete', responseBytes: 0, billed: true },
});

class FakeFiles implements SegmentFiles {
  readonly held = new Map<string, [SegmentName, string]>();
  put(segment: number, content: string): void {
    const name = { epoch: 'e', segment };
    this.held.set(fileNameOf(name), [name, content]);
  }
  async closed(): Promise<readonly SegmentName[]> {
    return [...this.held.values()].map(([name]) => name);
  }
  async read(name: SegmentName): Promise<string> {
    return this.held.get(fileNameOf(name))?.[1] ?? '';
  }
  async remove(name: SegmentName): Promise<void> {
    this.held.delete(fileNameOf(name));
  }
}

/** Stores each (epoch, segment) once, as the real one does; `fails` says which segments it refuses. */
class FakeStore {
  readonly stored: ReceiptSegment[] = [];
  fails: (segment: number) => boolean = () => false;
  tries = 0;
  async ship(segment: ReceiptSegment): Promise<boolean> {
    this.tries += 1;
    if (this.fails(segment.segment)) throw new Error('refused');
    if (this.stored.some((one) => one.segment === segment.segment)) return false;
    this.stored.push(segment);
    return true;
  }
}

const world = () => {
  const files = new FakeFiles();
  const store = new FakeStore();
  const failures: string[] = [];
  return { files, store, failures, ship: () => shipSegments({ files, store, tally: (op) => failures.push(op) }) };
};

describe('shipSegments', () => {
  it('stores each segment and removes its file', async () => {
    const { files, store, ship } = world();
    files.put(0, formatReceipt(receiptOf('a')) + formatReceipt(receiptOf('b')));
    files.put(1, formatReceipt(receiptOf('c')));
    files.put(2, '');
    expect(await ship()).toEqual({ shipped: 3, kept: 0 });
    expect(store.stored.map((one) => one.receipts.map((receipt) => receipt.callId))).toEqual([['a', 'b'], ['c']]);
    expect(files.held.size).toBe(0);
  });

  it('removes the file of a segment that was stored before, without storing it again', async () => {
    const { files, store, ship } = world();
    for (let times = 0; times < 2; times += 1) {
      files.put(0, formatReceipt(receiptOf('a')));
      await ship();
    }
    expect(store.stored).toHaveLength(1);
    expect(files.held.size).toBe(0);
  });

  it('marks a segment whose end was cut', async () => {
    const { files, store, failures, ship } = world();
    files.put(0, `${formatReceipt(receiptOf('a'))}0123`);
    await ship();
    expect(store.stored[0]?.checksum).toMatch(/^[0-9a-f]{64} dropped 4 bytes$/);
    expect(failures).toEqual(['segment.cut']);
  });

  it('keeps a segment that cannot be stored, and is not held up by it', async () => {
    const { files, store, failures, ship } = world();
    for (const segment of [0, 1, 2]) files.put(segment, formatReceipt(receiptOf(`${segment}`)));
    store.fails = (segment) => segment === 1;
    expect(await ship()).toEqual({ shipped: 2, kept: 1 });
    expect([...files.held.keys()]).toEqual([fileNameOf({ epoch: 'e', segment: 1 })]);
    expect(failures).toEqual(['segment.ship']);
  });

  it('gives up for now when everything fails, and loses nothing', async () => {
    const { files, store, ship } = world();
    for (let segment = 0; segment < 10; segment += 1) files.put(segment, formatReceipt(receiptOf(`${segment}`)));
    store.fails = () => true;
    await ship();
    expect(store.tries).toBe(3);
    expect(files.held.size).toBe(10);
  });
});
