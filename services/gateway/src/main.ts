import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig, readSecretFile } from '@wherry/config';
import { Database } from '@wherry/db';
import { Health, healthEnvironment, Metrics } from '@wherry/health';
import { describeError, JsonLog } from '@wherry/logging';
import { z } from 'zod';
import { Gateway } from './gateway';
import { addGatewayMetrics } from './metering/gateway-metrics';
import { MetricsCallMeter } from './metering/call-meter';

const Config = z.object({
  WHERRY_DATABASE_URL_FILE: z.string().min(1),
  WHERRY_GATEWAY_HOST: z.string().min(1).default('127.0.0.1'),
  WHERRY_GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** The same after a restart; a pod's name fits. */
  WHERRY_GATEWAY_ID: z.string().regex(/^[-_.a-z0-9]{1,63}$/),
  WHERRY_APPS_DOMAIN: z.string().regex(/^[-.a-z0-9]{1,200}$/),
  WHERRY_JOURNAL_DIR: z.string().min(1),
  WHERRY_PROBE_KEY_FILE: z.string().min(1),
  WHERRY_BODY_LIMIT_MIB: z.coerce.number().int().min(1).default(256),
  WHERRY_CALLS_PER_SECOND: z.coerce.number().int().min(1).default(50_000),
  WHERRY_CALLS_AT_ONCE: z.coerce.number().int().min(1).default(1_000),
  WHERRY_PARKED_CALLS: z.coerce.number().int().min(1).default(100),
  WHERRY_PARK_SECONDS: z.coerce.number().min(1).max(600).default(30),
  /** At SIGTERM it says that it is not ready, and serves on for this long, until nobody sends calls here any more. */
  WHERRY_DRAIN_SECONDS: z.coerce.number().min(0).max(600).default(0),
  ...healthEnvironment,
});

/** Calls in flight get this long to end; the rest of the 15 s that a stop may take is for shipping. */
const graceMs = 12_000;
const stopWithinMs = 14_500;

const config = loadConfig(Config, process.env);
const log = new JsonLog('gateway', (line) => process.stdout.write(line));
const databaseUrl = readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE);

async function main(): Promise<void> {
  const metrics = new Metrics();
  const health = await Health.start({ port: config.WHERRY_HEALTH_PORT, host: config.WHERRY_HEALTH_HOST, metrics });
  const database = await Database.open({ url: databaseUrl, applicationName: 'gateway', poolSize: 4 });
  const { gateway, address } = await Gateway.start(
    {
      gatewayId: config.WHERRY_GATEWAY_ID,
      host: config.WHERRY_GATEWAY_HOST,
      port: config.WHERRY_GATEWAY_PORT,
      appsDomain: config.WHERRY_APPS_DOMAIN,
      journalDirectory: config.WHERRY_JOURNAL_DIR,
      probeKey: readSecretFile('WHERRY_PROBE_KEY_FILE', config.WHERRY_PROBE_KEY_FILE),
      databaseUrl,
      limits: {
        bodyBytes: config.WHERRY_BODY_LIMIT_MIB * 1_048_576,
        ratePerSecond: config.WHERRY_CALLS_PER_SECOND,
        concurrency: config.WHERRY_CALLS_AT_ONCE,
        parkedCalls: config.WHERRY_PARKED_CALLS,
        parkMs: config.WHERRY_PARK_SECONDS * 1_000,
      },
    },
    {
      database,
      clock: { nowMs: Date.now, elapsedMs: () => performance.now() },
      log,
      meter: new MetricsCallMeter(metrics),
      newCallId: randomUUID,
      epoch: randomBytes(16).toString('hex'),
    },
  );
  health.check('journal', () => gateway.whyNotReady());
  addGatewayMetrics(metrics, gateway, Date.now);
  health.started();
  log.write({ op: 'gateway.start', ok: true, message: `listens on ${address.address}:${address.port}` });
  process.send?.({ ready: true, port: address.port, healthPort: health.port });
  const stop = (): void => void end(gateway, database, health);
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

async function end(gateway: Gateway, database: Database, health: Health): Promise<void> {
  health.stopping();
  if (config.WHERRY_DRAIN_SECONDS > 0) {
    log.write({ op: 'gateway.drain', ok: true, message: `serves on for ${config.WHERRY_DRAIN_SECONDS} s` });
    await pause(config.WHERRY_DRAIN_SECONDS * 1_000);
  }
  setTimeout(() => process.exit(1), stopWithinMs).unref();
  await gateway.stop(graceMs);
  await database.close();
  log.write({ op: 'gateway.stop', ok: true });
  // An IPC channel would keep the process alive.
  process.exit(0);
}

main().catch((error: unknown) => {
  log.write({ op: 'gateway.start', ok: false, message: describeError(error) });
  process.exit(1);
});
