import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { type Authority, Refusal } from '@wherry/egress-proxy';
import type { Admission } from './allow-list';

export type VetOptions = Readonly<{
  admission: (to: Authority) => Admission | null;
  /** All addresses of a name. */
  resolve: (name: string) => Promise<LookupAddress[]>;
  mayReach: (address: string, admission: Admission) => boolean;
}>;

/**
 * Resolves a name once, and gives the connection only those of its addresses that may be reached: a name that is allowed
 * can still point anywhere, and somewhere else the next moment.
 */
export function vetName({ admission, resolve, mayReach }: VetOptions) {
  return async (to: Authority): Promise<{ lookup: LookupFunction }> => {
    const kind = admission(to);
    if (kind === null) throw new Refusal(`Builds may not reach ${to.host}.`);
    const family = isIP(to.host);
    // The dot keeps the search domains of the cluster out: a Service of that name would be found first.
    const isFull = kind === 'public' && to.host.includes('.');
    const all = family === 0 ? await resolve(isFull ? `${to.host}.` : to.host) : [{ address: to.host, family }];
    const good = all.filter(({ address }) => mayReach(address, kind));
    if (good.length === 0) {
      throw new Refusal(`${to.host} has no address outside this network, and builds may not reach others.`);
    }
    return { lookup: lookupOf(good) };
  };
}

/** net.connect asks for all addresses when it tries families in turn, for one otherwise. */
function lookupOf(addresses: readonly LookupAddress[]): LookupFunction {
  return (_name, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}
