import { createServer } from 'node:http';
import { loadConfig, readSecretFile } from '@wherry/config';
import { Database, Listener } from '@wherry/db';
import { describeError, JsonLog } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import { HttpGatewayClient } from './adapters/http-gateway-client';
import { realSystem } from './adapters/real-system';
import { ApiEnvironment, defaultLimits, type ApiSettings } from './config';
import { createApi } from './create-api';
import { ChangeFeed, feedChannels } from './http/change-feed';

/** What is in flight at SIGTERM is finished within this time; streams are ended at once. */
const graceMs = 12_000;

async function main(): Promise<void> {
  const env = loadConfig(ApiEnvironment, process.env);
  const log = new JsonLog('api', (line) => void process.stdout.write(line));
  const settings: ApiSettings = {
    consoleUrl: env.WHERRY_CONSOLE_URL,
    gatewayUrl: env.WHERRY_GATEWAY_URL,
    appsDomain: env.WHERRY_APPS_DOMAIN,
    gitAddress: env.WHERRY_GIT_ADDRESS,
    dashboardDir: env.WHERRY_DASHBOARD_DIR,
    sandbox: env.WHERRY_SANDBOX,
    onInvalidResponse: 'log',
    limits: defaultLimits,
  };
  const url = readSecretFile('WHERRY_DATABASE_URL_FILE', env.WHERRY_DATABASE_URL_FILE);
  const applicationName = 'api';
  const database = await Database.open({ url, applicationName, poolSize: 6 });
  const queue = await Queue.open({ url, applicationName });
  const feed = new ChangeFeed();
  const listener = new Listener({
    ...{ url, channels: feedChannels },
    onReady: () => feed.wakeAll(),
    onNotification: (channel, payload) => feed.notify(channel, payload),
    onError: (error) => log.write({ op: 'listener.connect', ok: false, message: error.message }),
  });
  await listener.start();
  const gateway = new HttpGatewayClient(env.WHERRY_GATEWAY_ADDRESS ?? settings.gatewayUrl);
  const api = await createApi({ settings, database, queue, gateway, feed, log, system: realSystem });
  // A push may take long; what a client may take its time for otherwise is its headers only.
  const server = createServer({ requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 65_000 }, api.handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(env.WHERRY_CONSOLE_PORT, env.WHERRY_CONSOLE_HOST, resolve);
  });
  const stop = async (): Promise<void> => {
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
  process.send?.({ ready: true });
}

main().catch((error: unknown) => {
  process.stderr.write(`The api could not start: ${describeError(error)}\n`);
  process.exit(1);
});
