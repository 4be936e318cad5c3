import { isIPv4 } from 'node:net';

/** An IPv4 block: its first and last address as numbers. */
type Block = Readonly<{ first: number; last: number }>;

/**
 * Ranges that no function reaches: private, shared, loopback, link-local (cloud metadata), benchmarking, multicast and
 * reserved ones. Documentation ranges are not among them: nobody is there.
 */
export const refusedRanges: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/**
 * What has to be left out of `cidr` so that nothing of `refused` is in it, in the order of `refused`. Kubernetes wants
 * exceptions that are really smaller than the block, so a block that is refused as a whole is an error.
 * @throws RangeError for what is no IPv4 block, and for a block that lies in a refused one.
 */
export function exceptionsOf(cidr: string, refused: readonly string[]): string[] {
  const block = parse(cidr);
  return refused.filter((other) => {
    const range = parse(other);
    if (range.first <= block.first && range.last >= block.last) {
      throw new RangeError(`${cidr} lies in ${other}, which functions may not reach. Name public addresses only.`);
    }
    return range.first >= block.first && range.last <= block.last;
  });
}

function parse(cidr: string): Block {
  const match = /^([\d.]+)\/(\d|[12]\d|3[0-2])$/.exec(cidr);
  if (match === null || !isIPv4(match[1]!)) {
    throw new RangeError(`${cidr} is no block of IPv4 addresses. Write one as in 203.0.113.0/24.`);
  }
  const size = 2 ** (32 - Number(match[2]));
  const address = match[1]!.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}
