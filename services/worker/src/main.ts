import { loadConfig, readSecretFile } from '@wherry/config';
import { Database, Listener, SealingKeyStore } from '@wherry/db';
import { databaseCheck, Health, Metrics, observeLog } from '@wherry/health';
import { KeeperClient } from '@wherry/keeper';
import { describeError, JsonLog } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import { buildUid } from '@wherry/sandbox';
import { loadSealingKeys } from '@wherry/sealing';
import { ArtifactFolder } from './adapters/artifact-folder';
import { BuiltinSource } from './adapters/builtin-source';
import { GatewayProber } from './adapters/gateway-prober';
import { GithubSource } from './adapters/github-source';
import { RandomIdentities } from './adapters/identities';
import { KeeperBuilderRunner } from './adapters/keeper-builder-runner';
import { openImages } from './adapters/open-images';
import { SealedGithubConnection } from './adapters/sealed-github-connection';
import { systemClock as clock } from './adapters/system-clock';
import { assemble } from './assemble';
import { EngineChoice, ImagesConfig, WorkerConfig } from './config';
import { observeBuilds, observeWorker } from './observe-worker';
import { openStores } from './open-stores';

const metrics = new Metrics();
const log = observeLog(new JsonLog('worker', (line) => process.stdout.write(line)), observeWorker(metrics));

function openRunner(config: WorkerConfig): KeeperBuilderRunner {
  const runner = new KeeperBuilderRunner({
    keeper: new KeeperClient(config.WHERRY_KEEPER_SOCKET),
    clock,
    stateDir: config.WHERRY_STATE_DIR,
    templatesDir: config.WHERRY_TEMPLATES_DIR,
    nodeFile: config.WHERRY_NODE_FILE,
    npmFile: config.WHERRY_NPM_FILE,
    builderFile: config.WHERRY_BUILDER_FILE,
    path: config.PATH,
    onFault: (deploymentId, message) => log.write({ op: 'build.fault', ok: false, deploymentId, message }),
  });
  runner.start();
  return runner;
}

/** Everything outside: opened here, handed to the pure parts by `assemble`. */
async function open() {
  const config = loadConfig(WorkerConfig, process.env);
  const { WHERRY_ENGINE: engine } = loadConfig(EngineChoice, process.env);
  const health = await Health.start({ port: config.WHERRY_HEALTH_PORT, host: config.WHERRY_HEALTH_HOST, metrics });
  const url = readSecretFile('WHERRY_DATABASE_URL_FILE', config.WHERRY_DATABASE_URL_FILE);
  const onError = (error: Error) => log.write({ op: 'connection.lose', ok: false, message: describeError(error) });
  const db = await Database.open({ url, applicationName: 'worker', poolSize: 4 });
  const keys = await loadSealingKeys(config.WHERRY_SEALED_KEY_FILE);
  await new SealingKeyStore(db).register('worker', keys[0]);
  const queue = await Queue.open({ url, applicationName: 'worker', onError });
  const runner = openRunner(config);
  const stores = openStores(db);
  const github = new SealedGithubConnection({
    ...{ store: stores.github.apps, keys, now: clock.now },
    ...{ apiUrl: config.WHERRY_GITHUB_API_URL, githubUrl: config.WHERRY_GITHUB_URL },
  });
  const worker = assemble(config, {
    ...{ log, clock, queue, runner, identities: new RandomIdentities(), uidOf: buildUid },
    isRoot: process.getuid?.() === 0,
    artifacts: new ArtifactFolder(`${config.WHERRY_STATE_DIR}/artifacts`, clock),
    ...(engine === 'kubernetes' && openImages(loadConfig(ImagesConfig, process.env), db, clock)),
    source: new BuiltinSource({
      address: config.WHERRY_GIT_ADDRESS,
      consoleUrl: config.WHERRY_CONSOLE_URL,
      timeoutMs: 10_000,
    }),
    prober: new GatewayProber({
      gatewayUrl: config.WHERRY_GATEWAY_URL,
      appsDomain: config.WHERRY_APPS_DOMAIN,
      key: readSecretFile('WHERRY_PROBE_KEY_FILE', config.WHERRY_PROBE_KEY_FILE),
      clock,
      timeoutMs: 10_000,
    }),
    github,
    githubSource: new GithubSource(github),
    addresses: {
      consoleUrl: config.WHERRY_CONSOLE_URL,
      gatewayUrl: config.WHERRY_GATEWAY_URL,
      appsDomain: config.WHERRY_APPS_DOMAIN,
    },
    listen: (tell) => new Listener({ ...tell, url, onError }),
    stores,
  });
  health.check('database', databaseCheck(db));
  health.check('changes', () => worker.whyNotReady());
  observeBuilds(metrics, worker);
  return { db, runner, worker, health };
}

async function main(): Promise<void> {
  const { db, runner, worker, health } = await open();
  const stop = async () => {
    health.stopping();
    await worker.stop();
    runner.close();
    await db.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
  await worker.start();
  health.started();
  process.send?.({ ready: true, healthPort: health.port });
}

main().catch((error: unknown) => {
  log.write({ op: 'worker.start', ok: false, message: describeError(error) });
  process.exit(1);
});
