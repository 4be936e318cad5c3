import { createHash } from 'node:crypto';
import type { ReceiptSegment } from '@wherry/db';
import { parseSegment } from './receipt-line';
import type { SegmentFiles, SegmentName } from './segment-files';

/** The part of `ReceiptStore` that shipping needs. */
export interface SegmentStore {
  ship(segment: ReceiptSegment): Promise<boolean>;
}

export type ShipOptions = Readonly<{
  files: SegmentFiles;
  store: SegmentStore;
  tally: (op: string, error: unknown) => void;
}>;

/**
 * Ships every closed segment: stores it with its usage in one transaction, then removes the file. Stopped anywhere in
 * between, the next run stores what is missing and removes the rest. A segment that fails stays, and does not hold up
 * the others. Returns the counts of segments that were shipped and that stayed.
 */
export async function shipSegments({ files, store, tally }: ShipOptions): Promise<{ shipped: number; kept: number }> {
  let shipped = 0;
  let kept = 0;
  let failuresInARow = 0;
  for (const name of await files.closed()) {
    try {
      await shipOne(name, files, store, tally);
      shipped += 1;
      failuresInARow = 0;
    } catch (error) {
      kept += 1;
      failuresInARow += 1;
      tally('segment.ship', error);
      // The database is away, rather than the segment bad.
      if (failuresInARow === 3) break;
    }
  }
  return { shipped, kept };
}

async function shipOne(
  name: SegmentName,
  files: SegmentFiles,
  store: SegmentStore,
  tally: ShipOptions['tally'],
): Promise<void> {
  const content = await files.read(name);
  const { receipts, dropped } = parseSegment(content);
  const sum = createHash('sha256').update(content).digest('hex');
  // The mark says that the file held more than the receipts that were stored.
  const checksum = dropped === 0 ? sum : `${sum} dropped ${dropped} bytes`;
  if (dropped > 0) tally('segment.cut', new Error(`${dropped} bytes of a segment are no whole receipt`));
  if (receipts.length > 0 || dropped > 0) await store.ship({ ...name, checksum, receipts });
  await files.remove(name);
}
