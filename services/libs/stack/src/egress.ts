import { isIPv6 } from 'node:net';
import { ipv4Range, ipv4Text, nonPublicRanges, type EgressRule } from '@wherry/domain';
import { quoted } from './stack-error';
import { at, list, mapping, onlyKeys, refuse, scalar, type Place, type Value } from './yaml-reader';

const most = { rules: 32, ports: 16 } as const;
const example = '203.0.113.0/24';
const wholeInternet = 'To reach the whole public internet, leave egress out.';

/**
 * Where a function may connect to; undefined, the public internet, when the key is not there.
 * @throws StackError for everything but public IPv4 ranges, each once, with ports from 1 to 65535.
 */
export function egressOf(value: Value | undefined, place: Place): EgressRule[] | undefined {
  if (value === undefined) return undefined;
  // Only the written-out empty list is meant: one that was forgotten must neither open nor close the way out.
  if (value === '') return refuse(place, `is empty. Write "[]" for no way out. ${wholeInternet}`);
  const rules = list(value, place, most.rules).map((inner, index) => ruleOf(inner, at(place, String(index))));
  for (const [index, { cidr }] of rules.entries()) {
    if (rules.findIndex((rule) => rule.cidr === cidr) === index) continue;
    refuse(at(place, String(index)), `lists ${cidr} again. Put all its ports into one entry.`);
  }
  return rules;
}

function ruleOf(value: Value, place: Place): EgressRule {
  if (!(value instanceof Map)) refuse(place, `must be a mapping such as {cidr: ${example}, ports: [443]}.`);
  const entries = mapping(value, place);
  onlyKeys(entries, ['cidr', 'ports'], place);
  const keys = new Map(entries);
  if (!keys.has('cidr')) refuse(at(place, 'cidr'), `is missing. Name a range of addresses, such as ${example}.`);
  const cidr = cidrOf(scalar(keys.get('cidr'), at(place, 'cidr')), at(place, 'cidr'));
  return keys.has('ports') ? { cidr, ports: portsOf(keys.get('ports'), at(place, 'ports')) } : { cidr };
}

function cidrOf(text: string, place: Place): string {
  const is = `is ${quoted(text)}`;
  const [address = ''] = text.split('/');
  if (isIPv6(address)) refuse(place, `${is}: IPv6 cannot be reached. List IPv4 ranges, such as ${example}.`);
  if (/\p{L}/u.test(text)) {
    refuse(
      place,
      `${is}: names need an egress proxy, which Wherry does not have. List addresses instead, such as ${example}.`,
    );
  }
  if (ipv4Range(`${text}/32`))
    refuse(place, `${is}, which has no prefix. Write ${quoted(`${text}/32`)} for one address.`);
  const range = ipv4Range(text);
  if (!range) return refuse(place, `${is}, which is no range of IPv4 addresses. Write it as in ${example}.`);
  if (range.prefix === 0) refuse(place, `${is}, which is every address, private ones too. ${wholeInternet}`);
  for (const { cidr, what } of nonPublicRanges) {
    const other = ipv4Range(cidr);
    if (!other || other.last < range.first || range.last < other.first) continue;
    if (other.prefix <= range.prefix)
      refuse(place, `${is}: it is ${what} (${cidr}), and functions reach public addresses only. Remove it.`);
    refuse(place, `${is}, which covers ${cidr} too: that is ${what}. List public ranges only. ${wholeInternet}`);
  }
  if (ipv4Text(range) !== text)
    refuse(place, `${is}, which does not start at its prefix. Write ${quoted(ipv4Text(range))}, or a longer prefix.`);
  return text;
}

function portsOf(value: Value | undefined, place: Place): number[] {
  if (value === '') refuse(place, 'is empty. List ports, or leave the key out for all of them.');
  const ports = list(value, place, most.ports).map((inner, index) => {
    const text = scalar(inner, at(place, String(index)));
    if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65_535)
      refuse(at(place, String(index)), `is ${quoted(text)}; a port is a whole number from 1 to 65535.`);
    return Number(text);
  });
  if (ports.length === 0) refuse(place, 'is empty. List ports, or leave the key out for all of them.');
  return [...new Set(ports)].toSorted((a, b) => a - b);
}
