import { ipv4Range, nonPublicRanges, type Ipv4Range } from '@wherry/domain';

/** Ranges that no function reaches, whatever the operator says. Documentation ranges are not among them: nobody is there. */
export const refusedRanges: readonly string[] = nonPublicRanges.map(({ cidr }) => cidr);

/**
 * What has to be left out of `cidr` so that nothing of `refused` is in it, in the order of `refused`. Kubernetes wants
 * exceptions that are really smaller than the block, so a block that is refused as a whole is an error.
 * @throws RangeError for what is no IPv4 block, and for a block that lies in a refused one.
 */
export function exceptionsOf(cidr: string, refused: readonly string[]): string[] {
  const block = rangeOf(cidr);
  return refused.filter((other) => {
    const range = rangeOf(other);
    if (range.first <= block.first && range.last >= block.last) {
      throw new RangeError(`${cidr} lies in ${other}, which functions may not reach. Name public addresses only.`);
    }
    return range.first >= block.first && range.last <= block.last;
  });
}

function rangeOf(cidr: string): Ipv4Range {
  const range = ipv4Range(cidr);
  if (range === null) throw new RangeError(`${cidr} is no block of IPv4 addresses. Write one as in 203.0.113.0/24.`);
  return range;
}
