import { BlockList, isIPv6 } from 'node:net';
import { nonPublicRanges } from '@wherry/domain';

/** Ours alone, of the machine or of its cloud: no entry of the operator opens these. */
const never = listOf(
  ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  ['::/127', 'fe80::/10', 'ff00::/8'],
);
const nonPublic = listOf(
  nonPublicRanges.map(({ cidr }) => cidr),
  // Of the addresses that are routed at all, 2000::/3: documentation, and those that hold an IPv4 address.
  ['2001::/32', '2001:db8::/32', '2002::/16'],
);
const routed = listOf([], ['2000::/3']);

/** Whether a connection may go to this address; `inside` opens private ones. IPv4 in IPv6 (`::ffff:…`) never. */
export function mayReach(address: string, admission: 'public' | 'inside'): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  // A BlockList looks at the IPv4 address inside; so does the kernel.
  if (family === 'ipv6' && /^::(ffff:)?\d+\.|^::ffff:/i.test(address)) return false;
  if (never.check(address, family)) return false;
  if (admission === 'inside') return true;
  return !nonPublic.check(address, family) && (family === 'ipv4' || routed.check(address, family));
}

function listOf(ipv4: readonly string[], ipv6: readonly string[]): BlockList {
  const list = new BlockList();
  for (const [ranges, family] of [
    [ipv4, 'ipv4'],
    [ipv6, 'ipv6'],
  ] as const) {
    for (const range of ranges) {
      const [network = '', prefix] = range.split('/');
      list.addSubnet(network, Number(prefix), family);
    }
  }
  return list;
}
