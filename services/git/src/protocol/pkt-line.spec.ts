import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketError, PacketReader, flush, packet } from './pkt-line';

describe('PacketReader', () => {
  it('gives back what was packed, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.uint8Array({ maxLength: 300 })), { maxLength: 20 }),
        fc.integer({ min: 1, max: 64 }),
        (payloads, size) => {
          const bytes = Buffer.concat(payloads.map((one) => (one === null ? flush : packet(Buffer.from(one)))));
          const reader = new PacketReader();
          const seen: (string | null)[] = [];
          for (let start = 0; start < bytes.length; start += size) {
            reader.push(bytes.subarray(start, start + size));
            for (let next = reader.next(); next !== null; next = reader.next()) {
              seen.push(next.kind === 'flush' ? null : next.payload.toString('hex'));
            }
          }
          expect(seen).toEqual(payloads.map((one) => (one === null ? null : Buffer.from(one).toString('hex'))));
          expect(reader.rest).toHaveLength(0);
        },
      ),
    );
  });

  it.each(['zzzz', '0001', '0003', '-001', 'fff5'])('refuses the length %s', (digits) => {
    const reader = new PacketReader();
    reader.push(Buffer.from(`${digits}xx`));
    expect(() => reader.next()).toThrow(PacketError);
  });
});

describe('packet', () => {
  it('refuses a payload that no packet can hold', () => {
    expect(packet(Buffer.alloc(65_516))).toHaveLength(65_520);
    expect(() => packet(Buffer.alloc(65_517))).toThrow(RangeError);
  });
});
