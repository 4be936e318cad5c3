import type { Receipt } from '@wherry/db';
import type { CallMeter } from '../metering/call-meter';
import type { ReadyReplica } from '../routing/route-table';
import type { Upstream } from './upstream';

/** `nowMs` is the time of day; `elapsedMs` never steps, has fractions, and starts anywhere. */
export type Clock = Readonly<{ nowMs: () => number; elapsedMs: () => number }>;

/** What one function may use of this gateway. */
export type Limits = Readonly<{
  bodyBytes: number;
  ratePerSecond: number;
  concurrency: number;
  /** Calls that wait for a replica, and how long each may. */
  parkedCalls: number;
  parkMs: number;
}>;

/** Where receipts go. */
export interface ReceiptSink {
  /** False while receipts cannot be written: no call may be sent then. */
  readonly isWritable: boolean;
  /** Has handed the receipt to the kernel when it returns. @throws when it could not: the reply must not be completed. */
  write(receipt: Receipt): void;
}

/** Where it is kept which revisions are in use. */
export interface ActivitySink {
  touched(tenantId: string, revisionId: string): void;
  sent(tenantId: string, revisionId: string): void;
  ended(tenantId: string, revisionId: string): void;
}

/** What calls need from the gateway around them. */
export type Platform = Readonly<{
  clock: Clock;
  limits: Limits;
  receipts: ReceiptSink;
  activity: ActivitySink;
  meter: CallMeter;
  openUpstream: (replica: ReadyReplica) => Upstream;
  /** Asks for a replica of a revision. Never throws; may be lost. */
  wake: (tenantId: string, revisionId: string) => void;
  /** Counts a failure that only operators need to know of; logged as a sum. */
  tally: (op: string, error: unknown) => void;
}>;
