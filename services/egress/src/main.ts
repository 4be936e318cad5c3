import { loadConfig } from '@wherry/config';
import { proxyOutcomes } from '@wherry/egress-proxy';
import { Health, healthEnvironment, Metrics } from '@wherry/health';
import { describeError, JsonLog } from '@wherry/logging';
import { z } from 'zod';
import { AllowList } from './allow-list';
import { defaultNames } from './default-names';
import { startEgress } from './egress';

const count = z.coerce.number().int().min(1);
const Config = z.object({
  WHERRY_EGRESS_HOST: z.string().min(1).default('0.0.0.0'),
  WHERRY_EGRESS_PORT: z.coerce.number().int().min(0).max(65_535).default(3128),
  /** Further entries, between commas or spaces: see `AllowList`. */
  WHERRY_EGRESS_ALLOW: z.string().default(''),
  /** With `none`, only what the operator allows. */
  WHERRY_EGRESS_DEFAULTS: z.enum(['registries', 'none']).default('registries'),
  WHERRY_EGRESS_UPSTREAM: z.url({ protocol: /^http$/ }).optional(),
  WHERRY_EGRESS_CONNECTIONS: count.default(2_000),
  WHERRY_EGRESS_CONNECTIONS_PER_CLIENT: count.default(200),
  /** Of one connection, both ways together. */
  WHERRY_EGRESS_MIB: count.default(8_192),
  WHERRY_EGRESS_IDLE_SECONDS: count.default(300),
  ...healthEnvironment,
});

/** Downloads that are under way get this long to end, of the 15 s that a stop may take. */
const graceMs = 12_000;
const stopWithinMs = 14_500;

const log = new JsonLog('egress', (line) => process.stdout.write(line));

async function main(): Promise<void> {
  // An empty variable, as charts write them, is one that is not set.
  const config = loadConfig(
    Config,
    Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')),
  );
  const metrics = new Metrics();
  const health = await Health.start({ port: config.WHERRY_HEALTH_PORT, host: config.WHERRY_HEALTH_HOST, metrics });
  const requests = metrics.counter({
    name: 'wherry_egress_requests_total',
    help: 'Requests of builds for the way out, by how they ended.',
    labels: { outcome: proxyOutcomes },
  });
  const own = config.WHERRY_EGRESS_ALLOW.split(/[\s,]+/).filter((entry) => entry !== '');
  const { proxy, address } = await startEgress({
    host: config.WHERRY_EGRESS_HOST,
    port: config.WHERRY_EGRESS_PORT,
    allowed: new AllowList([...(config.WHERRY_EGRESS_DEFAULTS === 'none' ? [] : defaultNames), ...own]),
    upstream: config.WHERRY_EGRESS_UPSTREAM === undefined ? null : new URL(config.WHERRY_EGRESS_UPSTREAM),
    limits: {
      perClient: config.WHERRY_EGRESS_CONNECTIONS_PER_CLIENT,
      total: config.WHERRY_EGRESS_CONNECTIONS,
      bytes: config.WHERRY_EGRESS_MIB * 1_048_576,
      idleMs: config.WHERRY_EGRESS_IDLE_SECONDS * 1_000,
    },
    log,
    onOutcome: (outcome) => requests.add({ outcome }),
  });
  metrics.read({ name: 'wherry_egress_connections', help: 'Connections of builds that are open.' }, () => proxy.open);
  health.started();
  log.write({ op: 'egress.start', ok: true, message: `listens on ${address.address}:${address.port}` });
  process.send?.({ ready: true, port: address.port });
  const stop = async (): Promise<void> => {
    setTimeout(() => process.exit(1), stopWithinMs).unref();
    health.stopping();
    await proxy.close(graceMs);
    log.write({ op: 'egress.stop', ok: true });
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop()).once('SIGINT', () => void stop());
}

main().catch((error: unknown) => {
  log.write({ op: 'egress.start', ok: false, message: describeError(error) });
  process.exit(1);
});
