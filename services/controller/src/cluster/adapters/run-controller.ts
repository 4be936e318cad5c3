import { loadConfig, readSecretFile } from '@wherry/config';
import { Database, Listener } from '@wherry/db';
import { databaseCheck, Health, Metrics, observeLog } from '@wherry/health';
import { describeError, type Log } from '@wherry/logging';
import { Controller, listenedChannels } from '../../controller';
import { observeController, observeReplicas } from '../../observe-controller';
import { commonParts, registeredKeys } from '../../parts';
import { defaultSettings } from '../../reconcile/settings';
import { ClusterConfig } from '../config';
import { LeaderLease } from '../leader-lease';
import { clusterChannels, clusterClient, openCluster } from '../open-cluster';
import { leaseClock } from './lease-clock';

/** What is being written gets this long; then the process ends, and the next one goes on from what is stored. */
const stopWithinMs = 14_500;

/**
 * The controller in a Kubernetes cluster: waits until it leads, then runs. Without the lease it ends at once, whatever it
 * is doing: another one leads then, and only the first of two writers is right.
 */
export async function runController(env: NodeJS.ProcessEnv, plainLog: Log): Promise<void> {
  const config = loadConfig(ClusterConfig, env);
  const metrics = new Metrics();
  const log = observeLog(plainLog, observeController(metrics));
  const health = await Health.start({
    ...{ port: config.WHERRY_HEALTH_PORT, host: config.WHERRY_HEALTH_HOST, metrics },
  });
  const url = readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE);
  const client = clusterClient(config);
  const lease = new LeaderLease({
    ...{ client, namespace: config.WHERRY_PLATFORM_NAMESPACE, name: `${config.WHERRY_RELEASE}-controller` },
    ...{ identity: config.WHERRY_CONTROLLER_ID, clock: leaseClock },
    onError: (error) => log.write({ op: 'lease.renew', ok: false, message: describeError(error) }),
  });
  const guard = () => {
    if (!lease.isHeld()) throw new Error('This controller does not lead any more, so it writes nothing.');
  };
  const db = await Database.open({ url, applicationName: 'controller', poolSize: 4, guard });
  health.check('database', databaseCheck(db));
  const stopping = new AbortController();
  const stop = () => {
    health.stopping();
    stopping.abort();
    setTimeout(() => process.exit(1), stopWithinMs).unref();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  // One that waits is ready: it is what a rolling update waits for, and what takes over.
  health.started();
  process.send?.({ ready: true });
  log.write({ op: 'controller.start', ok: true, message: 'waiting for the lease' });
  if (await lease.acquire(stopping.signal)) {
    log.write({ op: 'lease.acquire', ok: true });
    const given = new AbortController();
    const kept = lease.keep(given.signal);
    // Beside the work, whatever it waits for.
    void kept.then((end) => end === 'lost' && leave(log));
    const end = await lead(config, { url, db, client, log, metrics });
    await aborted(stopping.signal);
    await end();
    given.abort();
    await kept;
  }
  await db.close();
  log.write({ op: 'controller.stop', ok: true });
  process.exit(0);
}

type Surroundings = Readonly<{
  url: string;
  db: Database;
  client: ReturnType<typeof clusterClient>;
  log: Log;
  metrics: Metrics;
}>;

/** Returns how to stop. */
async function lead(
  config: ClusterConfig,
  { url, db, client, log, metrics }: Surroundings,
): Promise<() => Promise<void>> {
  const keys = await registeredKeys(db, config.WHERRY_SEALING_KEY_FILE);
  const now = Date.now;
  const cluster = openCluster(config, { client, db, log, now, onGate: () => controller.reconnected() });
  const controller: Controller = new Controller(
    { ...commonParts(db, keys, true), engine: cluster.engine, gate: cluster.gate, log, now },
    {
      ...{ ...defaultSettings, idleSeconds: config.WHERRY_IDLE_SECONDS ?? null },
      releaseDeadlineMs: config.WHERRY_RELEASE_SECONDS * 1000,
    },
  );
  const listener = new Listener({
    url,
    channels: [...new Set([...listenedChannels, ...clusterChannels])],
    onReady: () => {
      controller.reconnected();
      for (const channel of clusterChannels) cluster.notified(channel);
    },
    onNotification: (channel, payload) => {
      if (clusterChannels.some((each) => each === channel)) cluster.notified(channel);
      if (listenedChannels.some((each) => each === channel)) controller.notified(channel, payload);
    },
    onError: (error) => log.write({ op: 'listener.connect', ok: false, message: describeError(error) }),
  });
  observeReplicas(metrics, controller);
  await controller.start();
  await listener.start();
  log.write({ op: 'controller.lead', ok: true });
  return async () => {
    await listener.stop();
    await Promise.all([controller.stop(), cluster.stop()]);
  };
}

function leave(log: Log): void {
  log.write({ op: 'lease.renew', ok: false, message: 'The lease is lost; another controller leads.' });
  process.exit(1);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
