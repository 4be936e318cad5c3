import { randomBytes, randomUUID } from 'node:crypto';
import { loadConfig, readSecretFile } from '@wherry/config';
import { Database } from '@wherry/db';
import { describeError, JsonLog } from '@wherry/logging';
import { z } from 'zod';
import { Gateway } from './gateway';

const Config = z.object({
  WHERRY_DATABASE_URL_FILE: z.string().min(1),
  WHERRY_GATEWAY_HOST: z.string().min(1).default('127.0.0.1'),
  WHERRY_GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  WHERRY_GATEWAY_ID: z.string().regex(/^[-_a-z0-9]{1,40}$/),
  WHERRY_APPS_DOMAIN: z.string().regex(/^[-.a-z0-9]{1,200}$/),
  WHERRY_JOURNAL_DIR: z.string().min(1),
  WHERRY_PROBE_KEY_FILE: z.string().min(1),
  WHERRY_BODY_LIMIT_MIB: z.coerce.number().int().min(1).default(256),
  WHERRY_CALLS_PER_SECOND: z.coerce.number().int().min(1).default(50_000),
  WHERRY_CALLS_AT_ONCE: z.coerce.number().int().min(1).default(1_000),
  WHERRY_PARKED_CALLS: z.coerce.number().int().min(1).default(100),
  WHERRY_PARK_SECONDS: z.coerce.number().min(1).max(600).default(30),
});

/** Calls in flight get this long to end; the rest of the 15 s that a stop may take is for shipping. */
const graceMs = 12_000;
const stopWithinMs = 14_500;

const config = loadConfig(Config, process.env);
const log = new JsonLog('gateway', (line) => process.stdout.write(line));
const databaseUrl = readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE);

async function main(): Promise<void> {
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
      newCallId: randomUUID,
      epoch: randomBytes(16).toString('hex'),
    },
  );
  log.write({ op: 'gateway.start', ok: true, message: `listens on ${address.address}:${address.port}` });
  process.send?.({ ready: true, port: address.port });
  const stop = (): void => void end(gateway, database);
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

async function end(gateway: Gateway, database: Database): Promise<void> {
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
