import path from 'node:path';
import { loadConfig, readSecretFile } from '@wherry/config';
import { Database, Listener } from '@wherry/db';
import { LocalEngine } from '@wherry/engine';
import { KeeperClient } from '@wherry/keeper';
import { describeError, JsonLog } from '@wherry/logging';
import { z } from 'zod';
import { Controller, listenedChannels } from './controller';
import { commonParts, registeredKeys } from './parts';
import { defaultSettings } from './reconcile/settings';

const EngineChoice = z.object({ WHERRY_ENGINE: z.enum(['local', 'kubernetes']).default('local') });

const LocalConfig = z.object({
  WHERRY_DATABASE_URL_FILE: z.string().min(1),
  WHERRY_KEEPER_SOCKET: z.string().min(1),
  WHERRY_STATE_DIR: z.string().min(1),
  WHERRY_SEALING_KEY_FILE: z.string().min(1),
  WHERRY_NODE_FILE: z.string().min(1),
  WHERRY_SANDBOX: z.enum(['bubblewrap', 'none']),
  /** Time to zero of functions without a setting of their own. */
  WHERRY_IDLE_SECONDS: z.coerce.number().int().min(1).optional(),
});

/** What is being written gets this long; then the process ends, and the next one goes on from what is stored. */
const stopWithinMs = 14_500;

const log = new JsonLog('controller', (line) => process.stdout.write(line));

function localEngine(config: z.infer<typeof LocalConfig>): LocalEngine {
  return new LocalEngine({
    keeper: new KeeperClient(config.WHERRY_KEEPER_SOCKET),
    runDir: path.join(config.WHERRY_STATE_DIR, 'run'),
    artifactsDir: path.join(config.WHERRY_STATE_DIR, 'artifacts'),
    outputDir: path.join(config.WHERRY_STATE_DIR, 'output'),
    nodeFile: config.WHERRY_NODE_FILE,
    sandbox: config.WHERRY_SANDBOX,
    onNotice: (message) => log.write({ op: 'engine.notice', ok: true, message }),
    onError: (error) => log.write({ op: 'engine.run', ok: false, message: describeError(error) }),
  });
}

async function runLocally(): Promise<void> {
  const config = loadConfig(LocalConfig, process.env);
  const url = readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE);
  const db = await Database.open({ url, applicationName: 'controller', poolSize: 4 });
  const keys = await registeredKeys(db, config.WHERRY_SEALING_KEY_FILE);
  const controller = new Controller(
    { ...commonParts(db, keys, config.WHERRY_SANDBOX !== 'none'), engine: localEngine(config), log, now: Date.now },
    { ...defaultSettings, idleSeconds: config.WHERRY_IDLE_SECONDS ?? null },
  );
  const listener = new Listener({
    url,
    channels: listenedChannels,
    onReady: () => controller.reconnected(),
    onNotification: (channel, payload) => controller.notified(channel, payload),
    onError: (error) => log.write({ op: 'listener.connect', ok: false, message: describeError(error) }),
  });
  await controller.start();
  await listener.start();
  log.write({ op: 'controller.start', ok: true });
  process.send?.({ ready: true });
  const stop = (): void => void end(controller, listener, db);
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

async function end(controller: Controller, listener: Listener, db: Database): Promise<void> {
  setTimeout(() => process.exit(1), stopWithinMs).unref();
  await listener.stop();
  await controller.stop();
  await db.close();
  log.write({ op: 'controller.stop', ok: true });
  // An IPC channel would keep the process alive.
  process.exit(0);
}

async function main(): Promise<void> {
  const { WHERRY_ENGINE: engine } = loadConfig(EngineChoice, process.env);
  if (engine === 'local') return runLocally();
  const { runController } = await import('./cluster/adapters/run-controller');
  await runController(process.env, log);
}

main().catch((error: unknown) => {
  log.write({ op: 'controller.start', ok: false, message: describeError(error) });
  process.exit(1);
});
