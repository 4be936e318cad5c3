import { lookup } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import type { AddressInfo } from 'node:net';
import { DirectWay, ForwardProxy, type ProxyLimits, type ProxyOutcome, type Way } from '@wherry/egress-proxy';
import type { Log } from '@wherry/logging';
import { UpstreamWay } from './adapters/upstream-way';
import { mayReach } from './addresses';
import type { AllowList } from './allow-list';
import { vetName, type VetOptions } from './vet-name';

export type EgressOptions = Readonly<{
  host: string;
  /** 0 for any. */
  port: number;
  allowed: AllowList;
  /** The proxy to go by, if there is one: it resolves names, and says what is public. */
  upstream: URL | null;
  limits: ProxyLimits;
  log: Log;
  onOutcome?: (outcome: ProxyOutcome) => void;
  /** For tests; the system's own otherwise. */
  names?: Pick<VetOptions, 'resolve' | 'mayReach'>;
}>;

/** More different refused names than this are counted and not told: a build must not fill the log. */
const toldAtMost = 1_000;
const system = { resolve: (name: string): Promise<LookupAddress[]> => lookup(name, { all: true }), mayReach };

/** Listens. @throws when the address cannot be had. */
export async function startEgress(options: EgressOptions): Promise<{ proxy: ForwardProxy; address: AddressInfo }> {
  const { allowed, upstream, limits, log, onOutcome } = options;
  const way: Way =
    upstream === null
      ? new DirectWay(vetName({ admission: (to) => allowed.find(to), ...(options.names ?? system) }))
      : new UpstreamWay(upstream);
  const told = new Set<string>();
  const proxy = new ForwardProxy({
    way,
    limits,
    admit: (to) =>
      allowed.find(to) === null
        ? `Builds may not reach ${to.host}:${to.port}. The operator can allow it with WHERRY_EGRESS_ALLOW.`
        : null,
    onRefused: (what, client) => {
      if (told.has(what) || told.size >= toldAtMost) return;
      told.add(what);
      log.write({ op: 'egress.refuse', ok: false, message: `${client} asked for ${what}` });
    },
    ...(onOutcome ? { onOutcome } : {}),
  });
  await new Promise<void>((resolve, reject) => {
    proxy.server.once('error', reject).listen(options.port, options.host, resolve);
  });
  return { proxy, address: proxy.server.address() as AddressInfo };
}
