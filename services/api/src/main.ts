import { createServer } from 'node:http';
import { loadConfig, readSecretFile } from '@wherry/config';
import { Database, Listener, SealingKeyStore } from '@wherry/db';
import { databaseCheck, Health, listenerCheck, Metrics, observeLog } from '@wherry/health';
import { describeError, JsonLog } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import { loadSealingKeys } from '@wherry/sealing';
import { HttpGatewayClient } from './adapters/http-gateway-client';
import { realSystem } from './adapters/real-system';
import { ApiEnvironment, defaultLimits, type ApiSettings } from './config';
import { createApi } from './create-api';
import { ChangeFeed, feedChannels } from './http/change-feed';
import { observeRequests } from './http/observe-requests';

/** What is in flight at SIGTERM is finished within this time; streams are ended at once. */
const graceMs = 12_000;

function settingsOf(env: ApiEnvironment): ApiSettings {
  return {
    consoleUrl: env.WHERRY_CONSOLE_URL,
    gatewayUrl: env.WHERRY_GATEWAY_URL,
    appsDomain: env.WHERRY_APPS_DOMAIN,
    gitAddress: env.WHERRY_GIT_ADDRESS,
    githubUrl: env.WHERRY_GITHUB_URL,
    githubApiUrl: env.WHERRY_GITHUB_API_URL,
    dashboardDir: env.WHERRY_DASHBOARD_DIR,
    sandbox: env.WHERRY_SANDBOX,
    engine: env.WHERRY_ENGINE,
    onInvalidResponse: 'log',
    limits: defaultLimits,
  };
}

async function main(): Promise<void> {
  const env = loadConfig(ApiEnvironment, process.env);
  const metrics = new Metrics();
  const log = observeLog(new JsonLog('api', (line) => void process.stdout.write(line)), observeRequests(metrics));
  const health = await Health.start({ port: env.WHERRY_HEALTH_PORT, host: env.WHERRY_HEALTH_HOST, metrics });
  const settings = settingsOf(env);
  const url = readSecretFile('WHERRY_DATABASE_URL_FILE', env.WHERRY_DATABASE_URL_FILE);
  const applicationName = 'api';
  const database = await Database.open({ url, applicationName, poolSize: 6 });
  const keys = await loadSealingKeys(env.WHERRY_SEALED_KEY_FILE);
  await new SealingKeyStore(database).register('api', keys[0]);
  const queue = await Queue.open({ url, applicationName });
  const feed = new ChangeFeed();
  const listener = new Listener({
    ...{ url, channels: feedChannels },
    onReady: () => feed.wakeAll(),
    onNotification: (channel, payload) => feed.notify(channel, payload),
    onError: (error) => log.write({ op: 'listener.connect', ok: false, message: error.message }),
  });
  await listener.start();
  health.check('database', databaseCheck(database));
  health.check('changes', listenerCheck(listener));
  const gateway = new HttpGatewayClient(env.WHERRY_GATEWAY_ADDRESS ?? settings.gatewayUrl);
  const api = await createApi({ settings, database, keys, queue, gateway, feed, log, system: realSystem });
  // A push may take long; what a client may take its time for otherwise is its headers only.
  const server = createServer({ requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 65_000 }, api.handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(env.WHERRY_CONSOLE_PORT, env.WHERRY_CONSOLE_HOST, resolve);
  });
  health.started();
  const stop = async (): Promise<void> => {
    health.stopping();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    feed.end();
    setTimeout(() => server.closeAllConnections(), graceMs).unref();
    await closed;
    await listener.stop();
    await api.close();
    await queue.close();
    await database.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
  log.write({ op: 'process.start', ok: true });
  process.send?.({ ready: true, healthPort: health.port });
}

main().catch((error: unknown) => {
  process.stderr.write(`The api could not start: ${describeError(error)}\n`);
  process.exit(1);
});
