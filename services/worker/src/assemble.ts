import type { BuildResultStore, BuildStore, GithubReportStore, PlanStore, ProofStore, SweepStore } from '@wherry/db';
import type { Log } from '@wherry/logging';
import type { Queue } from '@wherry/queue';
import type { Artifacts, BuilderRunner } from './build/builder-runner';
import type { BuildDaemons } from './build/build-daemons';
import { Builds } from './build/builds';
import type { ImageBuilds } from './build/image-builds';
import type { BuildPolicy } from './build/render-order';
import type { Clock } from './clock';
import type { FeedbackAddresses } from './feedback/addresses';
import { Reporter } from './feedback/reporter';
import type { WorkerConfig } from './config';
import { assembleGithub, type GithubStores } from './github/assemble-github';
import type { GithubConnection } from './github/github-connection';
import type { Identities } from './identities';
import { PlanHead, rootDir } from './plan/plan-head';
import type { ProofTimes } from './proof/prove-release';
import type { Prober } from './proof/prober';
import { Proofs } from './proof/proofs';
import { ChosenSource } from './source/chosen-source';
import type { Inspector, Source } from './source/source';
import { Sweep, type SweepSettings } from './sweep/sweep';
import { Worker, type WorkerParts } from './worker';

/** What the worker touches outside itself. */
export type Outside = Readonly<{
  log: Log;
  clock: Clock;
  queue: Queue;
  runner: BuilderRunner;
  identities: Identities;
  artifacts: Artifacts;
  /** Repositories on the built-in remote. */
  source: Source;
  prober: Prober;
  github: GithubConnection;
  /** Repositories on GitHub. */
  githubSource: Source & Inspector;
  /** Where people see what GitHub is told of. */
  addresses: FeedbackAddresses;
  listen: WorkerParts['listen'];
  uidOf: (tenantNumber: number) => number;
  isRoot: boolean;
  /** When functions become images. */
  images?: Readonly<{ builds: ImageBuilds; daemons: BuildDaemons }>;
  /** How long proofs may take; the usual times when left out. */
  times?: Readonly<{ proof: ProofTimes }>;
  stores: Readonly<{
    plans: PlanStore;
    builds: BuildStore;
    results: BuildResultStore;
    proofs: ProofStore;
    sweep: SweepStore;
    reports: GithubReportStore;
    github: GithubStores;
  }>;
}>;

export type AssembleConfig = Omit<
  WorkerConfig,
  | 'WHERRY_DATABASE_URL_FILE'
  | 'WHERRY_CONSOLE_URL'
  | 'WHERRY_GIT_ADDRESS'
  | 'WHERRY_HEALTH_PORT'
  | 'WHERRY_HEALTH_HOST'
  | 'WHERRY_GATEWAY_URL'
  | 'WHERRY_APPS_DOMAIN'
  | 'WHERRY_PROBE_KEY_FILE'
  | 'WHERRY_SEALED_KEY_FILE'
  | 'WHERRY_GITHUB_URL'
  | 'WHERRY_GITHUB_API_URL'
  | 'WHERRY_KEEPER_SOCKET'
  | 'WHERRY_STATE_DIR'
  | 'WHERRY_BUILDER_FILE'
  | 'WHERRY_TEMPLATES_DIR'
  | 'WHERRY_NODE_FILE'
  | 'WHERRY_NPM_FILE'
  | 'PATH'
>;

const second = 1_000;
/** Renewed three times before it runs out. */
const leaseSeconds = 15;
const proofTimes = { acknowledgeMs: 30 * second, probeMs: 30 * second, lookMs: second };

/** Puts the worker together from its configuration and what is outside. */
export function assemble(config: AssembleConfig, outside: Outside): Worker {
  const { log, clock, queue, runner, identities, artifacts, stores, githubSource: inspector } = outside;
  const source = new ChosenSource({ builtin: outside.source, github: inspector });
  const lease = { owner: config.WHERRY_WORKER_ID, seconds: leaseSeconds };
  const policy = policyOf(config, outside.isRoot);
  const concurrency = config.WHERRY_BUILD_CONCURRENCY;
  const { uidOf } = outside;
  const builds = new Builds({
    ...{ builds: stores.builds, results: stores.results, runner, artifacts, source, identities },
    ...{ clock, policy, lease, uidOf, log, concurrency },
    ...(outside.images && { images: outside.images.builds }),
  });
  const enqueueBuild: PlanHeadEnqueue = (tx, tenantId, deploymentId) =>
    queue.send(tx, 'build', { tenantId, deploymentId });
  const { pulls } = stores.github;
  const plan = new PlanHead({ store: stores.plans, pulls, source, inspector, identities, clock, log, enqueueBuild });
  const times = outside.times?.proof ?? proofTimes;
  const proofs = new Proofs({
    store: stores.proofs,
    prober: outside.prober,
    identities,
    clock,
    times,
    log,
  });
  const { github, addresses } = outside;
  const reporter = new Reporter({ store: stores.reports, github, clock, log, addresses });
  const sweep = new Sweep({
    ...{ store: stores.sweep, runner, artifacts, clock, log, settings: settingsOf(config) },
    actions: {
      plan: (job) => worker.plan(job),
      build: (tenantId, deploymentId) => builds.run(tenantId, deploymentId),
      prove: (tenantId, releaseId) => proofs.run(tenantId, releaseId),
      cancel: (tenantId, deploymentId) => builds.changed(tenantId, deploymentId),
      report: () => reporter.resume(),
      isBuilding: (deploymentId) => builds.isRunning(deploymentId),
    },
  });
  const hub = assembleGithub(
    { connection: github, source: inspector, stores: stores.github },
    { clock, log, identities, plan: (job) => worker.plan(job) },
  );
  const { listen } = outside;
  const worker: Worker = new Worker({
    ...{ queue, listen, plan, builds, proofs, sweep, reporter, hub, buildConcurrency: concurrency },
    ...(outside.images && { daemons: outside.images.daemons }),
  });
  return worker;
}

type PlanHeadEnqueue = ConstructorParameters<typeof PlanHead>[0]['enqueueBuild'];

function policyOf(config: AssembleConfig, isRoot: boolean): BuildPolicy {
  return {
    sandbox: config.WHERRY_SANDBOX,
    isRoot,
    registries: { npm: config.WHERRY_NPM_REGISTRY, pypi: config.WHERRY_PYPI_INDEX },
    limits: {
      timeoutMs: config.WHERRY_BUILD_TIMEOUT_SECONDS * second,
      memoryMiB: config.WHERRY_BUILD_MEMORY_MIB,
      diskMiB: config.WHERRY_BUILD_DISK_MIB,
      logBytes: config.WHERRY_BUILD_LOG_BYTES,
      artifactMiB: config.WHERRY_ARTIFACT_MIB,
      checkoutMiB: config.WHERRY_CHECKOUT_MIB,
      parallel: config.WHERRY_BUILD_PARALLEL,
    },
  };
}

function settingsOf(config: AssembleConfig): SweepSettings {
  return {
    owner: config.WHERRY_WORKER_ID,
    rootDir,
    everyMs: 10 * second,
    tidyEveryMs: 600 * second,
    keepDeployments: config.WHERRY_KEEP_DEPLOYMENTS,
    keepLogDays: config.WHERRY_KEEP_LOG_DAYS,
    keepReceiptDays: config.WHERRY_KEEP_RECEIPT_DAYS,
    keepHistoryDays: config.WHERRY_KEEP_HISTORY_DAYS,
    daysAhead: 3,
    artifactGraceMs: 3600 * second,
  };
}
