import type { Receipt } from '@wherry/db';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatReceipt, parseSegment } from './receipt-line';

const receipt: Receipt = {
  tenantId: 'ten_1',
  callId: 'c "1"\\',
  functionId: 'fn_1',
  revisionId: 'rev_1',
  replicaId: 'rpl_1',
  startedAtMs: 1_700_000_000_000.25,
  durationMs: 3,
  memoryMiB: 128,
  status: 200,
  outcome: 'complete',
  responseBytes: 9_007_199_254,
  billed: true,
};
const second: Receipt = { ...receipt, callId: 'c2', outcome: 'aborted', billed: false };
const lines = [receipt, second].map(formatReceipt);

describe('parseSegment', () => {
  it('gives back what was written', () => {
    expect(parseSegment(lines.join(''))).toEqual({ receipts: [receipt, second], dropped: 0 });
    expect(parseSegment('')).toEqual({ receipts: [], dropped: 0 });
  });

  it('drops a last line that was cut anywhere, and tells how much', () => {
    const [first, last] = lines as [string, string];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: last.length - 1 }), (cut) => {
        const content = first + last.slice(0, cut);
        expect(parseSegment(content)).toEqual({ receipts: [receipt], dropped: cut });
      }),
    );
  });

  it('drops a damaged line and keeps those around it', () => {
    const damaged = (lines[0] as string).replace('fn_1', 'fn_2');
    expect(parseSegment(damaged + lines[1])).toEqual({ receipts: [second], dropped: damaged.length });
  });
});
