import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4Range, ipv4Text, nonPublicRanges } from './addresses';

describe('ipv4Range', () => {
  it.each([
    ['0.0.0.0/0', 0, 2 ** 32 - 1],
    ['255.255.255.255/32', 2 ** 32 - 1, 2 ** 32 - 1],
    ['203.0.113.9/24', 0xcb_00_71_00, 0xcb_00_71_ff],
  ])('reads %s', (text, first, last) => expect(ipv4Range(text)).toMatchObject({ first, last }));

  it.each(['', '1.2.3.4', '1.2.3/8', '1.2.3.256/8', '1.2.3.4/33', '010.0.0.0/8', '1.2.3.4/08', ' 1.2.3.4/8', '::/0'])(
    'does not guess what "%s" means',
    (text) => expect(ipv4Range(text)).toBeNull(),
  );

  it('reads what ipv4Text wrote, and every range holds the address it was made from', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 32 }), (address, prefix) => {
        const range = ipv4Range(ipv4Text({ first: address, last: address, prefix }));
        expect(range && ipv4Range(ipv4Text(range))).toEqual(range);
        expect(range && range.first <= address && address <= range.last).toBe(true);
      }),
    );
  });
});

it('names only ranges that are ranges', () => {
  for (const { cidr } of nonPublicRanges) expect(ipv4Range(cidr) && ipv4Text(ipv4Range(cidr)!)).toBe(cidr);
});
