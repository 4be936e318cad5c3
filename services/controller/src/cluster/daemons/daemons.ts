import {
  buildDaemonObjects,
  buildsNamespace,
  type ClusterClient,
  ClusterError,
  type ClusterObject,
  clusterSource,
  daemonLabels,
  daemonName,
  daemonServerName,
  type DaemonTls,
  isStatus,
  Mirror,
  names,
  type TenantScope,
} from '@wherry/cluster';
import type { BuildDaemonReport, BuildDaemonRow, BuildDaemonStore } from '@wherry/db';
import { Coalesced } from '../../reconcile/coalesced';
import type { Gate } from '../../reconcile/world';
import type { Namespaces } from '../namespaces';
import type { ClusterSettings } from '../settings';
import type { DaemonCertificates } from './daemon-certificates';
import { type DaemonDeployment, type DaemonPod, failedDaemon, observeDaemon } from './observe-daemon';

export type DaemonsOptions = Readonly<{
  client: ClusterClient;
  prefix: string;
  settings: ClusterSettings;
  namespaces: Pick<Namespaces, 'prepare'>;
  certificates: DaemonCertificates;
  store: Pick<BuildDaemonStore, 'list' | 'report' | 'rest' | 'remove'>;
  gate: () => Gate;
  /** Epoch milliseconds. */
  now: () => number;
  onError: (error: unknown, tenantId?: string) => void;
}>;

type StoredSecret = Readonly<{ data?: Readonly<Record<string, string>> }>;

/** Makes the build daemons that workers want, tells what became of them, and stops those that nobody wants any more. */
export class Daemons {
  private readonly pods: Mirror<DaemonPod>;
  private readonly deployments: Mirror<DaemonDeployment>;
  private readonly looking: Coalesced;
  /** Namespaces whose daemon was applied as it should be since the last `repair`. */
  private readonly applied = new Set<string>();
  private readonly synced: Promise<unknown>;
  private isSynced = false;

  constructor(private readonly options: DaemonsOptions) {
    const { client, prefix } = options;
    const query = {
      labelSelector: `${names.installation}=${prefix},app.kubernetes.io/name=${daemonLabels['app.kubernetes.io/name']}`,
    };
    const pods = Promise.withResolvers<void>();
    const deployments = Promise.withResolvers<void>();
    this.looking = new Coalesced(
      () => this.look(),
      (error) => options.onError(error),
    );
    const common = { onChange: () => this.changed(), onError: (error: unknown) => options.onError(error) };
    this.pods = new Mirror(clusterSource<DaemonPod>(client, '/api/v1/pods', query), {
      ...{ ...common, onSynced: pods.resolve },
    });
    this.deployments = new Mirror(clusterSource<DaemonDeployment>(client, '/apis/apps/v1/deployments', query), {
      ...{ ...common, onSynced: deployments.resolve },
    });
    this.synced = Promise.all([pods.promise, deployments.promise]);
  }

  /** Watches until the signal aborts, and has then let go. */
  async run(signal: AbortSignal): Promise<void> {
    void this.synced.then(() => {
      this.isSynced = true;
      this.changed();
    });
    await Promise.all([this.pods.run(signal), this.deployments.run(signal)]);
  }

  /** A row or an object changed, or may have. */
  changed(): void {
    if (this.isSynced) void this.looking.request();
  }

  /** Looks at everything again, also at what was seen to be right. */
  async repair(): Promise<void> {
    this.applied.clear();
    if (this.isSynced) await this.looking.request();
  }

  /** Forgets the daemons of tenants that are not there any more; their namespaces go with the tenants. */
  async removeAbsent(present: ReadonlySet<string>): Promise<void> {
    if (present.size === 0) return;
    const { store } = this.options;
    for (const { tenantId, trust } of await store.list()) {
      if (!present.has(tenantId)) await store.remove(tenantId, trust);
    }
  }

  private async look(): Promise<void> {
    const rows = await this.options.store.list();
    await Promise.all(
      rows.map(async (row) => {
        try {
          await (row.isWanted ? this.keep(row) : this.rest(row));
        } catch (error) {
          this.options.onError(error, row.tenantId);
          if (row.isWanted) await this.tellFailure(row, error);
        }
      }),
    );
  }

  private async keep(row: BuildDaemonRow): Promise<void> {
    const gate = this.options.gate();
    if (!gate.isOpen)
      return this.report(row, {
        state: gate.reason === null ? 'starting' : 'failed',
        address: null,
        reason: gate.reason,
      });
    const scope = this.scopeOf(row);
    const namespace = buildsNamespace(scope);
    const deployment = this.deploymentOf(namespace);
    const isUp = deployment !== undefined && (deployment.spec.replicas ?? 1) > 0;
    if (!isUp || !this.applied.has(namespace)) {
      if (!isUp) await this.report(row, { state: 'starting', address: null, reason: null });
      await this.options.namespaces.prepare(scope, 'builds');
      const tls = await this.tlsOf(scope, isUp);
      await this.apply(scope, tls);
      this.applied.add(namespace);
      // What it is now, the cluster tells as a change.
      if (!isUp) return;
    }
    await this.report(row, observeDaemon(deployment, this.podsOf(namespace)));
  }

  /** Told first: a worker that wants it from now on waits for the next one. */
  private async rest(row: BuildDaemonRow): Promise<void> {
    const namespace = buildsNamespace(this.scopeOf(row));
    const deployment = this.deploymentOf(namespace);
    if (!deployment || deployment.spec.replicas === 0) return;
    const { store, client } = this.options;
    if (!(await store.rest(row.tenantId, row.trust))) return;
    this.applied.delete(namespace);
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: daemonName, namespace } };
    await client.merge(ref, { spec: { replicas: 0 } });
  }

  private async apply(scope: TenantScope, tls: DaemonTls): Promise<void> {
    for (const object of buildDaemonObjects(scope, this.options.settings.builds, { replicas: 1, tls })) {
      await this.options.client.apply(object as ClusterObject);
    }
  }

  /** What the daemon has is kept as long as it is good: another certificate would roll it, and end its builds. */
  private async tlsOf(scope: TenantScope, isRunning: boolean): Promise<DaemonTls> {
    const { client, certificates, now } = this.options;
    const serverName = daemonServerName(scope);
    const metadata = { name: daemonName, namespace: buildsNamespace(scope) };
    try {
      const { data = {} } = await client.read<StoredSecret>({ apiVersion: 'v1', kind: 'Secret', metadata });
      const text = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString();
      const tls = { ca: text('ca.crt'), cert: text('tls.crt'), key: text('tls.key') };
      if (certificates.isGood(tls, serverName, now(), isRunning)) return tls;
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
    return certificates.issue(serverName, now());
  }

  private async tellFailure(row: BuildDaemonRow, error: unknown): Promise<void> {
    // No answer, or one of the server's own troubles, is tried again.
    const isRefused =
      error instanceof ClusterError && error.status >= 400 && error.status < 500 && error.status !== 409;
    if (!isRefused) return;
    await this.report(row, failedDaemon(error.message)).catch((cause: unknown) => this.options.onError(cause));
  }

  private async report(row: BuildDaemonRow, report: BuildDaemonReport): Promise<void> {
    const isSame = row.state === report.state && row.address === report.address && row.reason === report.reason;
    if (!isSame) await this.options.store.report(row.tenantId, row.trust, report);
  }

  private scopeOf({ tenantId, trust }: BuildDaemonRow): TenantScope {
    return { prefix: this.options.prefix, tenantId, trust };
  }

  private deploymentOf(namespace: string): DaemonDeployment | undefined {
    return this.deployments.items.find(
      ({ metadata }) => metadata.namespace === namespace && metadata.deletionTimestamp === undefined,
    );
  }

  private podsOf(namespace: string): DaemonPod[] {
    return this.pods.items.filter(({ metadata }) => metadata.namespace === namespace);
  }
}
