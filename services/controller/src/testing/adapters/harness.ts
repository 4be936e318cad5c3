import { channels } from '@wherry/contract';
import {
  Database,
  FunctionLogStore,
  IdleUsageStore,
  Listener,
  PreviewStore,
  ReleaseStore,
  ReplicaStore,
  SealingKeyStore,
  SnapshotStore,
} from '@wherry/db';
import type { RevisionConfig, TrustLevel } from '@wherry/domain';
import type { LogFields } from '@wherry/logging';
import { type KeyPair, newKeyPair, seal } from '@wherry/sealing';
import { createTestDatabase, type TestDatabase, type TestServer } from '@wherry/testing';
import pg from 'pg';
import { Controller, type ControllerParts, listenedChannels } from '../../controller';
import { defaultSettings, type Settings } from '../../reconcile/settings';
import { SecretOpener } from '../../secrets/open-secrets';
import { FakeEngine, FakeMachine } from '../fake-engine';
import { baseConfig } from '../worlds';

const quick: Settings = { ...defaultSettings, tickMs: 20, trafficMs: 40, adoptionMs: 50 };

/** A deployment to seed: function name → change of its configuration. */
export type Stack = Readonly<Record<string, Partial<RevisionConfig>>>;

/** Where a deployment goes: production, and trusted, when left out. */
export type Place = Readonly<{ environmentId?: string; trust?: TrustLevel }>;

/** A tenant's database, a machine that outlives controllers, and controllers to start on them. */
export class Harness {
  /** The controller's clock; tests move it instead of waiting. */
  aheadMs = 0;
  /** Of every function that is deployed. */
  artifactDigest = `sha256:${'0'.repeat(64)}`;
  readonly machine = new FakeMachine(() => this.now());
  readonly logged: LogFields[] = [];
  /** Full reads and reads of the traffic that controllers have finished: a test waits for some instead of for time. */
  reads = 0;
  trafficReads = 0;
  private serial = 0;
  private readonly running: { stop(): Promise<void> }[] = [];

  private constructor(
    private readonly database: TestDatabase,
    readonly owner: pg.Client,
    readonly db: Database,
    readonly key: KeyPair,
  ) {}

  /** @param server when the run has none of its own. */
  static async open(server?: TestServer): Promise<Harness> {
    const database = await createTestDatabase(server ? { server } : {});
    const owner = new pg.Client({ connectionString: database.url('owner') });
    await owner.connect();
    const db = await Database.open({ url: database.url('wherry_controller'), applicationName: 'controller' });
    const key = await newKeyPair();
    await new SealingKeyStore(db).register('controller', key);
    const harness = new Harness(database, owner, db, key);
    for (const tenant of ['a', 'b']) {
      await harness.sql(`insert into tenants (id, slug, name) values ('ten_${tenant}', '${tenant}', '${tenant}')`);
      await harness.sql(`insert into environments (tenant_id, id, name, kind)
        values ('ten_${tenant}', 'env_${tenant}', 'production', 'production')`);
      await harness.sql(
        `insert into repositories (tenant_id, id, name) values ('ten_${tenant}', 'rep_${tenant}', 'r')`,
      );
    }
    return harness;
  }

  url(role: Parameters<TestDatabase['url']>[0]): string {
    return this.database.url(role);
  }

  now(): number {
    return Date.now() + this.aheadMs;
  }

  async sql<T extends object = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.owner.query<T>(text, values)).rows;
  }

  /** Starts a controller on the machine; `change` replaces parts, to break one of them. */
  async start(settings: Partial<Settings> = {}, change: Partial<ControllerParts> = {}): Promise<Controller> {
    const { db } = this;
    const parts: ControllerParts = {
      engine: new FakeEngine(this.machine),
      snapshots: this.countedSnapshots(),
      releases: new ReleaseStore(db),
      previews: new PreviewStore(db),
      replicas: new ReplicaStore(db),
      functionLogs: new FunctionLogStore(db),
      usage: new IdleUsageStore(db),
      secrets: new SecretOpener([this.key], true),
      log: { write: (fields) => void this.logged.push(fields) },
      now: () => this.now(),
      ...change,
    };
    const controller = new Controller(parts, { ...quick, ...settings });
    await controller.start();
    const listener = new Listener({
      url: this.database.url('wherry_controller'),
      channels: listenedChannels,
      onReady: () => controller.reconnected(),
      onNotification: (channel, payload) => controller.notified(channel, payload),
    });
    await listener.start();
    this.running.push({ stop: () => listener.stop() }, controller);
    return controller;
  }

  private countedSnapshots(): ControllerParts['snapshots'] {
    const store = new SnapshotStore(this.db);
    return {
      read: () => store.read().finally(() => (this.reads += 1)),
      readTraffic: () => store.readTraffic().finally(() => (this.trafficReads += 1)),
    };
  }

  /** Resolves when a controller has read everything that is true now. */
  async allSeen(): Promise<void> {
    const before = this.reads;
    await until(async () => {
      await this.sql(`select pg_notify($1, '')`, [channels.release]);
      return this.reads >= before + 2;
    });
  }

  /** Resolves when the traffic was read three times from now on, so at least twice from what is true now. */
  async trafficSeen(): Promise<void> {
    const before = this.trafficReads;
    await until(() => this.trafficReads >= before + 3);
  }

  /** Ends all controllers that run; the machine and its replicas stay. */
  async stopControllers(): Promise<void> {
    for (const part of this.running.splice(0)) await part.stop();
  }

  async close(): Promise<void> {
    await this.stopControllers();
    await this.db.close();
    await this.owner.end();
    await this.database.close();
  }

  /** A preview of tenant a's repository. */
  async preview(id: string, settings: object = {}): Promise<void> {
    await this.sql(
      `insert into environments (tenant_id, id, name, kind, repository_id, branch, label)
        values ('ten_a', $1, $1, 'preview', 'rep_a', $1, $1)`,
      [id],
    );
    await this.sql(`update repositories set settings = $1 where tenant_id = 'ten_a'`, [{ previews: settings }]);
  }

  /** A built deployment of tenant a whose functions are new revisions, without a release. */
  async deployment(
    stack: Stack,
    status = 'releasing',
    { environmentId = 'env_a', trust = 'trusted' }: Place = {},
  ): Promise<string> {
    this.serial += 1;
    const id = `dep_${this.serial}`;
    await this.sql(
      `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
        commit_message, author, status, trust)
        values ('ten_a', $1, $4, 'rep_a', '.', 'refs/heads/main', $2, $2, 'm', 'a', $3, $5)`,
      [id, String(this.serial).padStart(40, '0'), status, environmentId, trust],
    );
    for (const [name, change] of Object.entries(stack)) {
      const functionId = environmentId === 'env_a' ? `fn_${name}` : `fn_${name}-${environmentId}`;
      await this.sql(
        `insert into functions (tenant_id, id, environment_id, name, repository_id, root_dir)
          values ('ten_a', $1, $3, $2, 'rep_a', '.') on conflict (tenant_id, id) do update set removed_at = null`,
        [functionId, name, environmentId],
      );
      await this.sql(
        `insert into revisions (tenant_id, id, function_id, number, deployment_id, input_hash, artifact_digest, config,
          config_hash, trust) values ('ten_a', $1, $2, $3, $4, 'i', $5, $6, 'c', $7)`,
        [this.rev(name, id), functionId, this.serial, id, this.artifactDigest, { ...baseConfig, ...change }, trust],
      );
      await this.sql(
        `insert into deployment_functions (tenant_id, deployment_id, name, status, revision_id)
          values ('ten_a', $1, $2, 'built', $3)`,
        [id, name, this.rev(name, id)],
      );
    }
    return id;
  }

  rev(name: string, deploymentId: string): string {
    return `rev_${name}-${deploymentId.replace('_', '-')}`;
  }

  /** Asks for a release of a deployment. */
  async release(deploymentId: string, kind = 'deploy'): Promise<string> {
    this.serial += 1;
    const id = `rel_${String(this.serial).padStart(4, '0')}`;
    await this.sql(
      `insert into releases (tenant_id, id, deployment_id, environment_id, repository_id, root_dir, kind, status)
        select tenant_id, $1, id, environment_id, repository_id, '.', $3, 'pending' from deployments where id = $2`,
      [id, deploymentId, kind],
    );
    return id;
  }

  /** Asks for a release and acts as the worker that proves it live. Returns the deployment's id. */
  async live(stack: Stack, place: Place = {}): Promise<string> {
    const deploymentId = await this.deployment(stack, 'releasing', place);
    const releaseId = await this.release(deploymentId);
    await until(async () => (await this.releaseRow(releaseId)).status === 'routed');
    await this.sql(`update deployments set status = 'retired' where status = 'live' and environment_id = $1`, [
      place.environmentId ?? 'env_a',
    ]);
    await this.sql(`update releases set status = 'live', finished_at = now() where id = $1`, [releaseId]);
    await this.sql(`update deployments set status = 'live' where id = $1`, [deploymentId]);
    return deploymentId;
  }

  async releaseRow(id: string): Promise<{ status: string; reason: string | null; version: string | null }> {
    const [row] = await this.sql<{ status: string; reason: string | null; version: string | null }>(
      `select status, reason, routed_version::text as version from releases where id = $1`,
      [id],
    );
    if (!row) throw new Error(`There is no release ${id}.`);
    return row;
  }

  async deploymentRow(id: string): Promise<{ status: string; reason: string | null } | undefined> {
    const sql = `select status, reason from deployments where id = $1`;
    return (await this.sql<{ status: string; reason: string | null }>(sql, [id]))[0];
  }

  /** Revision ids by function id. */
  async routes(): Promise<Record<string, string>> {
    const sql = `select function_id, revision_id from routes order by function_id`;
    const rows = await this.sql<{ function_id: string; revision_id: string }>(sql);
    return Object.fromEntries(rows.map((row) => [row.function_id, row.revision_id]));
  }

  /** A gateway that was seen just now and has acknowledged `version`; without one, everything so far. */
  async gateway(id: string, version?: bigint): Promise<void> {
    await this.sql(
      `insert into gateways (id, acknowledged_version)
        values ($1, coalesce($2, (select version from routing_version)))
        on conflict (id) do update set acknowledged_version = excluded.acknowledged_version, last_seen_at = now()`,
      [id, version ?? null],
    );
  }

  async activity(revisionId: string, inFlight: number, ageSeconds = 0): Promise<void> {
    await this.sql(
      `insert into activity (tenant_id, revision_id, gateway_id, last_request_at, in_flight)
        values ('ten_a', $1, 'gw', now() - make_interval(secs => $3), $2)
        on conflict (tenant_id, revision_id, gateway_id) do update set in_flight = $2, last_request_at = excluded.last_request_at`,
      [revisionId, inFlight, ageSeconds],
    );
  }

  async wake(revisionId: string): Promise<void> {
    await this.sql(`select pg_notify($1, $2)`, [channels.wake, `ten_a/${revisionId}`]);
  }

  async secret(name: string, version: number, value: string, environmentId = 'env_a'): Promise<void> {
    const place = { tenantId: 'ten_a', environmentId, name, version };
    const { keyId, sealed } = await seal(this.key.publicKey, { ...place, value: Buffer.from(value) });
    await this.sql(
      `insert into secrets (tenant_id, environment_id, name, version, key_id, sealed)
        values ('ten_a', $5, $1, $2, $3, $4)
        on conflict (tenant_id, environment_id, name) do update set version = $2, key_id = $3, sealed = $4`,
      [name, version, keyId, Buffer.from(sealed), environmentId],
    );
  }

  /** Ids of replicas on the machine in one of these states. */
  replicas(revisionId: string, ...states: string[]): string[] {
    const own = [...this.machine.replicas.values()].filter((it) => it.revisionId === revisionId);
    return own.filter((it) => states.length === 0 || states.includes(it.state)).map((it) => it.replicaId);
  }

  async replicaRows(): Promise<{ id: string; state: string; address: string | null; version: string }[]> {
    return this.sql(`select id, state, address, version::text as version from replicas order by id`);
  }
}

/** Looks again until it is so. @throws after 20 s, naming the condition. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`This did not become so within 20 s: ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
