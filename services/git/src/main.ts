import { randomBytes } from 'node:crypto';
import { loadConfig, readSecretFile, ServiceAddress } from '@wherry/config';
import { channels } from '@wherry/contract';
import { Database, Listener } from '@wherry/db';
import { databaseCheck, Health, healthEnvironment, listenerCheck, Metrics, observeLog } from '@wherry/health';
import { JsonLog, describeError } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import { z } from 'zod';
import { GitService } from './git-service';
import { observeRequests } from './observe-requests';

const config = loadConfig(
  z.object({
    WHERRY_DATABASE_URL_FILE: z.string().min(1),
    WHERRY_GIT_ADDRESS: ServiceAddress,
    WHERRY_REPOSITORIES_DIR: z.string().min(1),
    WHERRY_CONSOLE_URL: z.url(),
    WHERRY_GATEWAY_URL: z.url(),
    WHERRY_APPS_DOMAIN: z.string().min(1),
    ...healthEnvironment,
  }),
  process.env,
);
const metrics = new Metrics();
const log = observeLog(new JsonLog('git', (line) => process.stdout.write(line)), observeRequests(metrics));
/** What is in flight gets this long to end, in milliseconds. */
const graceMs = 14_000;

async function main(): Promise<void> {
  const health = await Health.start({ port: config.WHERRY_HEALTH_PORT, host: config.WHERRY_HEALTH_HOST, metrics });
  const url = readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE);
  const db = await Database.open({ url, applicationName: 'git', poolSize: 4 });
  const queue = await Queue.open({ url, applicationName: 'git' });
  const service = await GitService.create({
    db,
    plan: (tx, job) => queue.send(tx, 'plan', job),
    repositoriesDir: config.WHERRY_REPOSITORIES_DIR,
    consoleUrl: config.WHERRY_CONSOLE_URL,
    gatewayUrl: config.WHERRY_GATEWAY_URL,
    appsDomain: config.WHERRY_APPS_DOMAIN,
    log,
    now: () => performance.now(),
    randomBytes,
  });
  const listener = new Listener({
    url,
    channels: [channels.deployment, channels.log],
    onReady: () => service.catchUp(),
    onNotification: (channel, payload) => service.hear(channel, payload),
    onError: (error) => log.write({ op: 'listener.connect', ok: false, message: describeError(error) }),
  });
  await listener.start();
  await service.listen(config.WHERRY_GIT_ADDRESS);
  service.keepReconciled();
  health.check('database', databaseCheck(db));
  health.check('progress', listenerCheck(listener));
  health.started();

  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    health.stopping();
    setTimeout(() => process.exit(0), graceMs).unref();
    await service.stop();
    await listener.stop();
    await queue.close();
    await db.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
  process.send?.({ ready: true, healthPort: health.port });
  log.write({ op: 'process.start', ok: true });
}

main().catch((error: unknown) => {
  log.write({ op: 'process.start', ok: false, message: describeError(error) });
  process.exit(1);
});
