/**
 * IPv4 ranges that are not the public internet, and that no function may reach whatever routes its host has (IANA
 * special-purpose registries). `what` completes "it is …". Of IPv6, everything is refused.
 */
export const nonPublicRanges = [
  { cidr: '0.0.0.0/8', what: 'this network' },
  { cidr: '10.0.0.0/8', what: 'private' },
  { cidr: '100.64.0.0/10', what: 'shared by providers' },
  { cidr: '127.0.0.0/8', what: 'loopback' },
  { cidr: '169.254.0.0/16', what: 'link-local, with the metadata services of clouds' },
  { cidr: '172.16.0.0/12', what: 'private' },
  { cidr: '192.0.0.0/24', what: 'reserved for protocols' },
  { cidr: '192.168.0.0/16', what: 'private' },
  { cidr: '198.18.0.0/15', what: 'reserved for benchmarks' },
  { cidr: '224.0.0.0/4', what: 'multicast' },
  { cidr: '240.0.0.0/4', what: 'reserved' },
] as const;

/** The first and last address as numbers from 0 to 2^32 - 1, and the length of the prefix. */
export type Ipv4Range = Readonly<{ first: number; last: number; prefix: number }>;

/**
 * Reads `203.0.113.0/24`: four decimal numbers without leading zeros and a prefix. Null for any other text, also for an
 * address without a prefix. Bits behind the prefix are dropped, so `203.0.113.9/24` is the same range.
 */
export function ipv4Range(text: string): Ipv4Range | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match || match.slice(1).some((part) => part.length > 1 && part.startsWith('0'))) return null;
  const [a = 256, b = 256, c = 256, d = 256, prefix = 33] = match.slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || prefix > 32) return null;
  const size = 2 ** (32 - prefix);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const first = address - (address % size);
  return { first, last: first + size - 1, prefix };
}

/** `203.0.113.0/24`. */
export function ipv4Text({ first, prefix }: Ipv4Range): string {
  return `${[24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join('.')}/${prefix}`;
}
