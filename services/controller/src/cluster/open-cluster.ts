import { setTimeout as sleep } from 'node:timers/promises';
import { readSecretFile } from '@wherry/config';
import { channels } from '@wherry/contract';
import {
  ClusterClient,
  functionsServiceAccount,
  probeFailure,
  pullSecretName,
  runProbe,
  type TenantScope,
} from '@wherry/cluster';
import { BuildDaemonStore, type Database, ImageStore, PlatformCheckStore, TenantListStore } from '@wherry/db';
import { KubernetesEngine } from '@wherry/engine/kubernetes';
import { describeError, type Log } from '@wherry/logging';
import { placeText } from '@wherry/registry';
import { ImageRetention } from '../images/image-retention';
import type { Gate } from '../reconcile/world';
import type { ClusterConfig } from './config';
import { DaemonCertificates } from './daemons/daemon-certificates';
import { Daemons } from './daemons/daemons';
import { Namespaces } from './namespaces';
import { PolicyGate } from './policy-gate';
import { PullCredentials } from './pull-credentials';
import { openRegistry } from './registry';
import { clusterSettings, type ClusterSettings, readOverrides } from './settings';

export type ClusterSurroundings = Readonly<{
  client: ClusterClient;
  db: Database;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  /** The gate opened or shut: it is worth looking at everything. */
  onGate: () => void;
}>;

/** What a leading controller does in a cluster, beside its own loop. */
export type Cluster = Readonly<{
  engine: KubernetesEngine;
  gate: () => Gate;
  /** A notification; for `clusterChannels`. */
  notified: (channel: string) => void;
  /** Everything but the engine, which is closed by who uses it. */
  stop: () => Promise<void>;
}>;

export const clusterChannels = [channels.buildDaemon, channels.tenant] as const;

/** From the start of a container until it must have answered; images are pulled before that. */
const startSeconds = 60;
/** From SIGTERM to SIGKILL: calls in flight were waited for before. */
const graceSeconds = 15;
/** An operator who looks for the reason of a full registry finds it here. */
const foreignRegistry = 'The registry is not the one of the chart: nothing is deleted in it.';
const repairMs = 60_000;
/** Nobody tells that a daemon is not wanted any more. */
const daemonsMs = 10_000;

export function clusterClient(config: ClusterConfig): ClusterClient {
  return config.WHERRY_KUBECONFIG ? ClusterClient.fromFile(config.WHERRY_KUBECONFIG) : ClusterClient.inCluster();
}

/** Only a leader opens it: from now on the cluster is made as the database wishes. */
export function openCluster(config: ClusterConfig, around: ClusterSurroundings): Cluster {
  const { db, now, log } = around;
  const settings = clusterSettings(config, readOverrides(config));
  const registry = openRegistry(config, now);
  const gate = policyGate(config, around, settings.tenancy);
  const credentials = new PullCredentials(registry.pulls, now);
  const namespaces = new Namespaces({
    ...{ client: around.client, prefix: config.WHERRY_NAMESPACE_PREFIX, settings, credentials },
    registryHost: config.WHERRY_REGISTRY.host,
    onError: noting(around, 'namespace.repair'),
  });
  const daemons = buildDaemons(config, around, { settings, namespaces, gate });
  const engine = functionsEngine(config, around, { settings, namespaces });
  const upkeep = new Upkeep(around, namespaces, daemons, new TenantListStore(db));
  const images = registry.client && new ImageRetention({ registry: registry.client, images: new ImageStore(db), log });
  if (images === null) log.write({ op: 'images.retain', ok: true, message: foreignRegistry });
  const stopping = new AbortController();
  const { signal } = stopping;
  const loops = [gate.run(signal), daemons.run(signal), ...upkeep.run(signal), images?.keep(signal)];
  return {
    engine,
    gate: () => gate.get(),
    notified: (channel) => upkeep.notified(channel),
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

type Made = Readonly<{ settings: ClusterSettings; namespaces: Namespaces }>;

function functionsEngine(
  config: ClusterConfig,
  around: ClusterSurroundings,
  { settings, namespaces }: Made,
): KubernetesEngine {
  return new KubernetesEngine({
    client: around.client,
    settings: {
      ...{
        prefix: config.WHERRY_NAMESPACE_PREFIX,
        registry: placeText(config.WHERRY_REGISTRY),
        startSeconds,
        graceSeconds,
      },
      ...{ pullSecret: pullSecretName, serviceAccount: functionsServiceAccount, ...settings.pods },
      refusedRanges: settings.tenancy.refusedRanges,
    },
    prepareNamespace: (scope: TenantScope) => namespaces.prepare(scope),
    onError: noting(around, 'engine.run'),
  });
}

function buildDaemons(
  config: ClusterConfig,
  around: ClusterSurroundings,
  { settings, namespaces, gate }: Made & Readonly<{ gate: PolicyGate }>,
): Daemons {
  return new Daemons({
    ...{ client: around.client, prefix: config.WHERRY_NAMESPACE_PREFIX, settings, namespaces, now: around.now },
    gate: () => gate.get(),
    store: new BuildDaemonStore(around.db),
    certificates: new DaemonCertificates({
      certificate: `${readSecretFile('WHERRY_BUILD_CA_FILE', config.WHERRY_BUILD_CA_FILE)}\n`,
      key: readSecretFile('WHERRY_BUILD_CA_KEY_FILE', config.WHERRY_BUILD_CA_KEY_FILE),
    }),
    onError: noting(around, 'daemon.reconcile'),
  });
}

/** What is done again and again: repairs, and the removal of what belongs to tenants that are gone. */
class Upkeep {
  constructor(
    private readonly around: ClusterSurroundings,
    private readonly namespaces: Namespaces,
    private readonly daemons: Daemons,
    private readonly tenants: TenantListStore,
  ) {}

  run(signal: AbortSignal): Promise<void>[] {
    const look = async () => this.daemons.changed();
    return [
      every(repairMs, () => this.repair(), noting(this.around, 'cluster.repair'), signal),
      every(daemonsMs, look, noting(this.around, 'daemon.reconcile'), signal),
    ];
  }

  notified(channel: string): void {
    if (channel === channels.tenant) this.removeAbsent().catch(noting(this.around, 'namespace.remove'));
    this.daemons.changed();
  }

  private async repair(): Promise<void> {
    const count = await this.namespaces.repair();
    if (count > 0) this.around.log.write({ op: 'namespace.repair', ok: true, count });
    await this.removeAbsent();
    await this.daemons.repair();
  }

  /** Tenants are read anew each time: when they cannot be read, nothing is removed. */
  private async removeAbsent(): Promise<void> {
    const present = await this.tenants.present();
    const count = await this.namespaces.removeAbsent(present);
    await this.daemons.removeAbsent(present);
    if (count > 0) this.around.log.write({ op: 'namespace.remove', ok: true, count });
  }
}

/** Logs failures that are tried again; the same sentence once in ten seconds. */
function noting({ log, now }: ClusterSurroundings, op: string): (error: unknown, tenantId?: string) => void {
  const noted = new Map<string, number>();
  return (error, tenantId) => {
    const message = describeError(error);
    if (now() - (noted.get(message) ?? -Infinity) < 10_000) return;
    if (noted.size > 100) noted.clear();
    noted.set(message, now());
    log.write({ op, ok: false, message, ...(tenantId !== undefined && { tenantId }) });
  };
}

function policyGate(
  config: ClusterConfig,
  { client, db, log, now, onGate }: ClusterSurroundings,
  tenancy: Parameters<typeof runProbe>[1]['tenancy'],
): PolicyGate {
  const settings = { prefix: config.WHERRY_NAMESPACE_PREFIX, image: config.WHERRY_PROBE_IMAGE, tenancy };
  return new PolicyGate({
    checks: new PlatformCheckStore(db),
    now,
    probe: (signal) => runProbe(client, settings, signal).catch(probeFailure),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    onOutcome: ({ isOk, detail }) => {
      log.write({ op: 'platform.check', ok: isOk === true, message: detail });
      onGate();
    },
    onError: (error) => log.write({ op: 'platform.check', ok: false, message: describeError(error) }),
  });
}

async function every(
  ms: number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) await work().catch(onError);
  }
}
