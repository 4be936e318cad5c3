/** A segment of the journal on the disk: `<epoch>-<eight digits>.ndjson`. */
export type SegmentName = Readonly<{ epoch: string; segment: number }>;

/** Closed segments, ready to be shipped. */
export interface SegmentFiles {
  /** In the order in which they were written. Never the one that is being written. */
  closed(): Promise<readonly SegmentName[]>;
  read(name: SegmentName): Promise<string>;
  remove(name: SegmentName): Promise<void>;
}

export function fileNameOf({ epoch, segment }: SegmentName): string {
  return `${epoch}-${String(segment).padStart(8, '0')}.ndjson`;
}

/** Null for a file that is no segment. */
export function parseFileName(fileName: string): SegmentName | null {
  const [, epoch, segment] = /^([0-9a-z]{1,40})-([0-9]{8,9})\.ndjson$/.exec(fileName) ?? [];
  return epoch === undefined || segment === undefined ? null : { epoch, segment: Number(segment) };
}
