import { BlockList, isIP } from 'node:net';
import type { LabelRequirement, LabelSelector } from './types';

type Labels = Readonly<Record<string, string>>;

/** Whether labels meet a selector; the empty selector is met by all. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  return (
    wanted.every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(requirement, labels))
  );
}

/** As Kubernetes reads it, `NotIn` is also met by labels without the key. */
function meets({ key, operator, values = [] }: LabelRequirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/**
 * Whether an address is in a block such as `10.0.0.0/8` or `fd00::/8`; one of the other family never is.
 * @throws RangeError for a block or an address that is none.
 */
export function inBlock(address: string, cidr: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/');
  const family = familyOf(network);
  if (!/^\d+$/.test(prefix)) throw new RangeError(`${cidr} is no address block.`);
  const block = new BlockList();
  block.addSubnet(network, Number(prefix), family);
  return familyOf(address) === family && block.check(address, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  const version = isIP(address);
  if (version === 0) throw new RangeError(`${address} is no IP address.`);
  return version === 4 ? 'ipv4' : 'ipv6';
}
