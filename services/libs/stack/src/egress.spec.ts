import { ipv4Range, ipv4Text, nonPublicRanges } from '@wherry/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStack } from './parse-stack';
import { StackError } from './stack-error';

const configOf = (line: string) =>
  parseStack({
    text: `functions:\n  resize:\n    lang: node\n    handler: ./resize\n    ${line}\n`,
    ...{ file: 'stack.yml', buildVariables: {}, runtimeVariables: {}, languages: ['node'] },
    readFile: () => '',
  }).functions[0]?.config;
const egressOf = (text: string) => configOf(`egress: ${text}`)?.egress;
const cidr = (text: string) => `[{cidr: '${text}'}]`;
const rules = (count: number) =>
  `[${Array.from({ length: count }, (_, index) => `{cidr: 203.0.113.${index}/32}`).join(', ')}]`;

describe('egress', () => {
  it('tells no list, which is the public internet, from an empty one, which is no way out', () => {
    expect(configOf('secrets: []')).not.toHaveProperty('egress');
    expect(egressOf('[]')).toEqual([]);
  });

  it('keeps ranges as written, and ports once and in order', () => {
    expect(egressOf('[{cidr: 203.0.113.0/24, ports: [8443, 443, 443]}, {cidr: 198.51.100.7/32}]')).toEqual([
      { cidr: '203.0.113.0/24', ports: [443, 8443] },
      { cidr: '198.51.100.7/32' },
    ]);
    expect(egressOf(rules(32))).toHaveLength(32);
  });

  it.each([
    ['a name', cidr('api.example.com'), /egress\.0\.cidr is "api\.example\.com": names need an egress proxy, which/],
    ['a URL', cidr('https://api.example.com/'), /names need an egress proxy, which Wherry does not have\. List addr/],
    ['a wildcard name', cidr('*.example.com'), /names need an egress proxy/],
    ['IPv6', cidr('2001:db8::/32'), /IPv6 cannot be reached\. List IPv4 ranges/],
    ['all IPv6', cidr('::/0'), /IPv6 cannot be reached/],
    ['a single address', cidr('203.0.113.7'), /has no prefix\. Write "203\.0\.113\.7\/32"/],
    ['an address with a port', cidr('203.0.113.7:443'), /no range of IPv4 addresses/],
    ['octal numbers', cidr('0203.0.113.0/24'), /no range of IPv4 addresses/],
    ['bits behind the prefix', cidr('203.0.113.7/24'), /does not start at its prefix\. Write "203\.0\.113\.0\/24"/],
    ['everything', cidr('0.0.0.0/0'), /To reach the whole public internet, leave egress out/],
    ['half of everything', cidr('128.0.0.0/1'), /covers 169\.254\.0\.0\/16 too: .* leave egress out/],
    ['a private address', cidr('10.1.2.3/32'), /it is private \(10\.0\.0\.0\/8\), .* Remove it/],
    ['the metadata service', cidr('169.254.169.254/32'), /link-local/],
    ['the loopback', cidr('127.0.0.1/32'), /loopback/],
    ['a shared range', cidr('100.64.0.0/10'), /shared by providers/],
    ['multicast', cidr('224.0.0.1/32'), /multicast/],
    ['a port above 65535', '[{cidr: 203.0.113.0/24, ports: [65536]}]', /egress\.0\.ports\.0 is "65536"; a port is/],
    ['port 0', '[{cidr: 203.0.113.0/24, ports: [0]}]', /from 1 to 65535/],
    ['a range of ports', '[{cidr: 203.0.113.0/24, ports: [80-90]}]', /"80-90"; a port is a whole number/],
    ['a single port', '[{cidr: 203.0.113.0/24, ports: 443}]', /egress\.0\.ports must be a list/],
    ['no ports', '[{cidr: 203.0.113.0/24, ports: []}]', /leave the key out for all of them/],
    ['too many ports', `[{cidr: 203.0.113.0/24, ports: [${'1,'.repeat(16)}1]}]`, /at most 16/],
    ['too many rules', rules(33), /egress has 33 entries; at most 32/],
    ['a range twice', '[{cidr: 203.0.113.0/24}, {cidr: 203.0.113.0/24, ports: [1]}]', /lists 203\.0\.113\.0\/24 again/],
    ['an unknown key', '[{cidr: 203.0.113.0/24, port: 443}]', /egress\.0\.port is not supported/],
    ['no range', '[{ports: [443]}]', /egress\.0\.cidr is missing/],
    ['plain texts', '[203.0.113.0/24]', /must be a mapping such as \{cidr: /],
    ['one rule that is no list', '{cidr: 203.0.113.0/24}', /egress must be a list/],
    ['nothing after the key', '', /Write "\[\]" for no way out/],
  ])('refuses %s', (_what, text, message) => {
    expect(() => egressOf(text)).toThrow(message);
    expect(() => egressOf(text)).toThrow(StackError);
  });

  it('takes a range exactly when it shares no address with one that is not public', () => {
    const address = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.constantFrom(...nonPublicRanges.map((range) => range.cidr)).chain((text) => {
        const { first, last } = ipv4Range(text) ?? { first: 0, last: 0 };
        const near = [first, last, Math.max(0, first - 1), Math.min(2 ** 32 - 1, last + 1)];
        return fc.constantFrom(...near);
      }),
    );
    // Judged by bits, not by the bounds that the code under test compares.
    const bits = (text: string) => {
      const [dotted = '', prefix] = text.split('/');
      const all = dotted.split('.').map((part) => Number(part).toString(2).padStart(8, '0'));
      return all.join('').slice(0, Number(prefix));
    };
    const refused = nonPublicRanges.map((range) => bits(range.cidr));
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 32 }), (number, prefix) => {
        const range = ipv4Range(ipv4Text({ first: number, last: number, prefix }));
        const text = range ? ipv4Text(range) : '';
        const own = bits(text);
        const isPublic = refused.every((other) => !own.startsWith(other) && !other.startsWith(own));
        if (isPublic) expect(egressOf(cidr(text))).toEqual([{ cidr: text }]);
        else expect(() => egressOf(cidr(text))).toThrow(StackError);
      }),
      { numRuns: 1_000 },
    );
  });
});
