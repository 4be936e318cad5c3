import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildEvent } from '@wherry/contract';
import { Database, Listener } from '@wherry/db';
import type { LogFields } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import { createTestDatabase, openOwnerPool, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { ArtifactFolder } from '../adapters/artifact-folder';
import { RandomIdentities } from '../adapters/identities';
import { GithubSource } from '../adapters/github-source';
import { KeeperBuilderRunner } from '../adapters/keeper-builder-runner';
import { systemClock as clock } from '../adapters/system-clock';
import { assemble, type AssembleConfig } from '../assemble';
import { openStores } from '../open-stores';
import type { GithubConnection } from '../github/github-connection';
import type { Prober } from '../proof/prober';
import type { Head, Source } from '../source/source';
import type { Worker } from '../worker';
import { FakeKeeper } from './fake-keeper';

type Row = Record<string, unknown>;
export type BuiltFor = Readonly<{ name: string; content: string; config?: Row }>;

/** A head as a test names it: hexadecimal digits that become the shas. */
export function head(commit: string, tree: string, message = `Commit ${commit}`): Head {
  return { commitSha: commit.repeat(40).slice(0, 40), treeSha: tree.repeat(40).slice(0, 40), message, author: 'Ada' };
}

/** The rest of the platform around a worker: real PostgreSQL, and a source, keeper, controller and gateway to play. */
export class TestPlatform {
  readonly keeper = new FakeKeeper();
  readonly heads = new Map<string, Head>();
  readonly logged: LogFields[] = [];
  readonly tenantId = 'ten_a';
  readonly stateDir = mkdtempSync(join(tmpdir(), 'wherry-worker-'));
  /** Answers probes; by default as the routes say. */
  probe: Prober['probe'] = (_slug, name) => this.answerByRoutes(name);
  /** The registered App; none by default. */
  github: GithubConnection = { app: async () => null };
  private sender: Database | null = null;
  private workers: { stop: () => Promise<void> }[] = [];

  private constructor(
    readonly database: TestDatabase,
    private readonly owner: pg.Pool,
  ) {
    mkdirSync(join(this.stateDir, 'artifacts'));
  }

  static async create(): Promise<TestPlatform> {
    const database = await createTestDatabase();
    const platform = new TestPlatform(database, openOwnerPool(database));
    await platform.sql(`insert into tenants (id, slug, name) values ('ten_a', 'a', 'A')`);
    await platform.sql(
      `insert into environments (tenant_id, id, name, kind) values ('ten_a', 'env_a', 'production', 'production')`,
    );
    await platform.sql(`insert into gateways (id, last_seen_at) values ('g', now() + interval '1 hour')`);
    return platform;
  }

  async sql(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.owner.query(text, values)).rows as Row[];
  }

  async repository(id: string): Promise<void> {
    await this.sql(
      `insert into repositories (tenant_id, id, name, production_branch) values ('ten_a', $1, $1, 'main')`,
      [id],
    );
  }

  /** Starts a worker. `interfere` comes between it and its transactions. */
  async worker(interfere?: (work: () => Promise<unknown>) => Promise<unknown>): Promise<Worker> {
    const url = this.database.url('wherry_worker');
    const db = await Database.open({ url, applicationName: 'worker' });
    const seen = interfere ? interfered(db, interfere) : db;
    const queue = await Queue.open({ url, applicationName: 'worker' });
    const runner = new KeeperBuilderRunner({
      ...{ keeper: this.keeper, clock, stateDir: this.stateDir, templatesDir: '/nowhere', nodeFile: '/nowhere/node' },
      ...{ npmFile: '/nowhere/npm', builderFile: '/nowhere/builder', path: '/usr/bin' },
      onFault: (deploymentId, message) =>
        void this.logged.push({ op: 'build.fault', ok: false, deploymentId, message }),
    });
    runner.start();
    const source: Source = {
      head: async (repository) => this.heads.get(repository.name) ?? null,
      access: async ({ tenantSlug, name }, token) => ({
        url: `http://127.0.0.1:3000/git/${tenantSlug}/${name}.git`,
        token,
      }),
    };
    const worker = assemble(config, {
      ...{ clock, queue, runner, source, identities: new RandomIdentities(), uidOf: () => 200_001, isRoot: false },
      log: { write: (fields) => this.logged.push(fields) },
      artifacts: new ArtifactFolder(join(this.stateDir, 'artifacts'), clock),
      prober: { probe: (slug, name, signal) => this.probe(slug, name, signal) },
      github: this.github,
      githubSource: new GithubSource(this.github),
      addresses: { consoleUrl: 'http://127.0.0.1:3000', gatewayUrl: 'http://127.0.0.1:8080', appsDomain: 'localhost' },
      listen: (tell) => new Listener({ ...tell, url }),
      stores: openStores(seen),
      times: { proof: { acknowledgeMs: 1_500, probeMs: 1_500, lookMs: 50 } },
    });
    this.workers.push({
      stop: async () => {
        await worker.stop();
        runner.close();
        await db.close();
      },
    });
    await worker.start();
    return worker;
  }

  /** Stops every worker that was started. */
  async stopWorkers(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
  }

  async close(): Promise<void> {
    await this.stopWorkers();
    await this.sender?.close();
    await this.owner.end();
    await this.database.close();
    await rm(this.stateDir, { recursive: true, force: true });
  }

  /** The newest deployment of a repository, or that of a commit. */
  async deployment(repositoryId: string, commit?: string): Promise<Row> {
    const [row] = await this.sql(
      `select * from deployments where repository_id = $1 and ($2::text is null or commit_sha = $2)
       order by created_at desc limit 1`,
      [repositoryId, commit ? head(commit, '0').commitSha : null],
    );
    return row ?? {};
  }

  /** Plays the controller: moves the routes of the pending release, unless `keepRoutes`; gateways `behind` stay so. */
  async route(
    deploymentId: unknown,
    { keepRoutes = false, behind = [] }: { keepRoutes?: boolean; behind?: string[] } = {},
  ): Promise<void> {
    const [{ version } = {}] = await this.sql(
      `update routing_version set version = version + 1 returning version::integer`,
    );
    if (!keepRoutes) {
      await this.sql(
        `delete from routes o using functions f, deployments d where d.id = $1 and f.id = o.function_id
          and f.repository_id = d.repository_id`,
        [deploymentId],
      );
      await this.sql(
        `insert into routes (tenant_id, function_id, environment_id, revision_id, deployment_id, version)
         select x.tenant_id, v.function_id, d.environment_id, v.id, $1, $2 from deployment_functions x
         join deployments d on d.id = x.deployment_id
         join revisions v on v.id = x.revision_id where x.deployment_id = $1`,
        [deploymentId, version],
      );
    }
    await this.sql(`update gateways set acknowledged_version = $1 where id <> all($2)`, [version, behind]);
    await this.sql(
      `update releases set status = 'routed', routed_version = $2 where deployment_id = $1 and status = 'pending'`,
      [deploymentId, version],
    );
  }

  /** What git does when a ref has moved. */
  async plan(repositoryId: string, ref: string): Promise<void> {
    this.sender ??= await Database.open({ url: this.database.url('wherry_git'), applicationName: 'git', poolSize: 1 });
    const queue = await Queue.open({ url: this.database.url('wherry_git'), applicationName: 'git' });
    await this.sender.tenant(this.tenantId, (tx) =>
      queue.send(tx, 'plan', { tenantId: this.tenantId, repositoryId, ref }),
    );
    await queue.close();
  }

  /** The texts of all lines that were stored of a repository's builds. */
  async buildLog(repositoryId: string): Promise<unknown[]> {
    const chunks = await this.sql(
      `select c.lines from log_chunks c join deployments d on d.id = c.deployment_id where d.repository_id = $1 order by c.id`,
      [repositoryId],
    );
    return chunks.flatMap(({ lines }) => (lines as unknown[][]).map((line) => line[3]));
  }

  private async answerByRoutes(name: string): Promise<{ status: number; revisionId: string | null }> {
    const [row] = await this.sql(
      `select revision_id from routes o join functions f on f.id = o.function_id where f.name = $1`,
      [name],
    );
    return { status: row ? 200 : 404, revisionId: (row?.revision_id as string | undefined) ?? null };
  }

  /** The events of a build that goes well; its artifacts are made. */
  succeed(...functions: BuiltFor[]): BuildEvent[] {
    const at = 1_800_000_000_000;
    return [
      { type: 'step', at, name: 'plan', detail: 'Planned.' },
      { type: 'functions', at, names: functions.map(({ name }) => name) },
      ...functions.map(({ name }) => ({ type: 'function', at, name, status: 'built' }) as const),
      {
        type: 'result',
        at,
        ok: true,
        functions: functions.map(({ name, content, config = {} }) => ({
          ...{ name, inputHash: content, artifactDigest: this.artifact(content), buildMs: 7 },
          config: { ...plainConfig, ...config },
        })),
      },
    ];
  }

  private artifact(content: string): string {
    const hex = Buffer.from(content).toString('hex').padEnd(64, '0').slice(0, 64);
    mkdirSync(join(this.stateDir, 'artifacts', hex), { recursive: true });
    return `sha256:${hex}`;
  }
}

const plainConfig = {
  ...{
    lang: 'node',
    start: ['/opt/wherry/bin/node'],
    environment: {},
    secrets: [],
    memoryMiB: 128,
    cpuMillicores: 250,
  },
  ...{ limits: {}, requests: {}, labels: {}, annotations: {}, readOnlyRootFilesystem: false, timeoutMs: 60_000 },
  scale: { min: 0, max: 1, idleSeconds: 300 },
};

const config: AssembleConfig = {
  WHERRY_SANDBOX: 'none',
  ...{ WHERRY_NPM_REGISTRY: 'http://npm.test', WHERRY_PYPI_INDEX: 'http://pypi.test' },
  ...{ WHERRY_WORKER_ID: 'test', WHERRY_BUILD_CONCURRENCY: 16, WHERRY_BUILD_TIMEOUT_SECONDS: 60 },
  ...{ WHERRY_BUILD_MEMORY_MIB: 512, WHERRY_BUILD_DISK_MIB: 512, WHERRY_BUILD_LOG_BYTES: 100_000 },
  ...{ WHERRY_BUILD_PARALLEL: 1, WHERRY_ARTIFACT_MIB: 100, WHERRY_CHECKOUT_MIB: 100 },
  ...{
    WHERRY_KEEP_DEPLOYMENTS: 20,
    WHERRY_KEEP_LOG_DAYS: 14,
    WHERRY_KEEP_RECEIPT_DAYS: 90,
    WHERRY_KEEP_HISTORY_DAYS: 90,
  },
};

/** The same database with somebody between. */
function interfered(db: Database, interfere: (work: () => Promise<unknown>) => Promise<unknown>): Database {
  const ways = {
    tenant: (id: string, work: Parameters<Database['tenant']>[1]) => interfere(() => db.tenant(id, work)),
    cross: (scope: 'sweep', work: Parameters<Database['cross']>[1]) => interfere(() => db.cross(scope, work)),
    plain: (work: Parameters<Database['plain']>[0]) => interfere(() => db.plain(work)),
  };
  return ways as unknown as Database;
}
