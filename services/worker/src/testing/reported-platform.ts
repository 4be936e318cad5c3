import { Database, GithubReportStore } from '@wherry/db';
import { GithubApp } from '@wherry/github';
import type { GithubDouble } from '@wherry/github-double';
import type { LogFields } from '@wherry/logging';
import { createTestDatabase, openOwnerPool, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { systemClock as clock } from '../adapters/system-clock';
import { Reporter } from '../feedback/reporter';
import { addresses } from './claimed-report';

type Row = Record<string, unknown>;
export type Github = Awaited<ReturnType<typeof GithubDouble.start>>;

/** An App that is installed on the organisation `acme`, and the names of its repositories that tests take. */
export class InstalledApp {
  /** How far the clock is ahead by which limits of calls end. */
  aheadMs = 0;
  private count = 0;

  private constructor(
    readonly github: Github,
    readonly app: GithubApp,
    readonly installationId: number,
  ) {}

  static async create(github: Github): Promise<InstalledApp> {
    await github.createUser({ login: 'ada' });
    await github.createUser({ login: 'mallory' });
    await github.createOrganisation({ login: 'acme', members: [{ login: 'ada', role: 'admin' }] });
    const { appId, privateKeyPem } = await github.createApp({ owner: 'acme' });
    const { installationId } = await github.install({ appId, account: 'acme', repositories: 'all' });
    const urls = { apiUrl: github.apiUrl, githubUrl: github.url };
    const app = new GithubApp({
      appId,
      privateKeyPem,
      ...urls,
      now: () => clock.now() + installed.aheadMs,
      timeoutMs: 3_000,
    });
    const installed: InstalledApp = new InstalledApp(github, app, installationId);
    return installed;
  }

  /** A repository with one commit. */
  async repository(): Promise<{ id: number; fullName: string; sha: string }> {
    this.count += 1;
    const { id, fullName } = await this.github.createRepository({
      ...{ owner: 'acme', name: `shop-${this.count}`, files: { 'README.md': 'A shop.' } },
    });
    const { main = '' } = await this.github.branches({ repository: fullName });
    return { id, fullName, sha: main };
  }
}

/** A tenant with one repository of GitHub in a database of its own, and reporters that tell of it. */
export class ReportedPlatform {
  readonly logged: LogFields[] = [];
  /** What reporters take for now, in epoch milliseconds. */
  nowMs = clock.now();

  private constructor(
    readonly installed: InstalledApp,
    readonly repository: Readonly<{ id: number; fullName: string; sha: string }>,
    private readonly database: TestDatabase,
    private readonly owner: pg.Pool,
    private readonly db: Database,
  ) {}

  static async create(installed: InstalledApp): Promise<ReportedPlatform> {
    const database = await createTestDatabase();
    const repository = await installed.repository();
    const url = database.url('wherry_worker');
    const db = await Database.open({ url, applicationName: 'worker', poolSize: 4 });
    const platform = new ReportedPlatform(installed, repository, database, openOwnerPool(database), db);
    await platform.sql(`insert into tenants (id, slug, name) values ('ten_a', 'acme', 'Acme')`);
    await platform.sql(
      `insert into environments (tenant_id, id, name, kind) values ('ten_a', 'env_a', 'production', 'production')`,
    );
    await platform.sql(
      `insert into github_installations (tenant_id, id, account_id, repository_selection) values ('ten_a', $1, 1, 'all')`,
      [installed.installationId],
    );
    await platform.sql(
      `insert into repositories (tenant_id, id, name, production_branch, source, github_id, installation_id, full_name)
       values ('ten_a', 'rep_a', 'shop', 'main', 'github', $1, $2, $3)`,
      [repository.id, installed.installationId, repository.fullName],
    );
    return platform;
  }

  get store(): GithubReportStore {
    return new GithubReportStore(this.db);
  }

  reporter(): Reporter {
    return new Reporter({
      store: this.store,
      github: { app: async () => this.installed.app },
      clock: { now: () => this.nowMs, sleep: async () => undefined },
      log: { write: (fields) => this.logged.push(fields) },
      addresses,
    });
  }

  async sql(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.owner.query(text, values)).rows as Row[];
  }

  /** A preview of a pull request. */
  async preview(pullRequest: number): Promise<string> {
    const id = `env_pr_${pullRequest}`;
    await this.sql(
      `insert into environments (tenant_id, id, name, kind, repository_id, pull_request, label)
       values ('ten_a', $1, $1, 'preview', 'rep_a', $2, $3)`,
      [id, pullRequest, `pr-${pullRequest}--shop--acme`],
    );
    return id;
  }

  /** A deployment of the repository's commit, with the function `hello`. */
  async deployment(id: string, status: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const row = {
      ...{ tenant_id: 'ten_a', id, environment_id: 'env_a', repository_id: 'rep_a', root_dir: '.', status },
      ...{ ref: 'refs/heads/main', commit_sha: this.repository.sha, tree_sha: this.repository.sha },
      ...{ commit_message: 'Sell things', author: 'Ada', started_at: new Date(clock.now()), ...more },
    };
    const marks = Object.keys(row).map((_, index) => `$${index + 1}`);
    await this.sql(`insert into deployments (${Object.keys(row).join(', ')}) values (${marks.join(', ')})`, [
      ...Object.values(row),
    ]);
    await this.sql(
      `insert into deployment_functions (tenant_id, deployment_id, name, status, handler)
       values ('ten_a', $1, 'hello', $2, './hello')`,
      [id, status === 'failed' ? 'failed' : 'built'],
    );
  }

  async become(id: string, status: string, reason: string | null = null): Promise<void> {
    await this.sql(
      `update deployments set status = $2, reason = $3,
         finished_at = case when $2 in ('queued', 'building', 'releasing') then null else coalesce(finished_at, now()) end
       where id = $1`,
      [id, status, reason],
    );
  }

  /** As if the time had come for every report that waits for it. */
  async due(): Promise<void> {
    await this.sql(`update github_reports set next_try_at = now()`);
  }

  async report(id: string): Promise<Row> {
    const [row] = await this.sql(`select * from github_reports where deployment_id = $1`, [id]);
    return row ?? {};
  }

  checkRuns(): Promise<Row[]> {
    return this.installed.github.checkRuns({ repository: this.repository.fullName, sha: this.repository.sha });
  }

  /** The states that GitHub's deployments went through, each oldest first. */
  async states(): Promise<string[][]> {
    const found = await this.installed.github.deployments({ repository: this.repository.fullName });
    return found.map(({ statuses }) => (statuses as { state: string }[]).map(({ state }) => state).reverse());
  }

  async comments(number: number): Promise<string[]> {
    const found = await this.installed.github.comments({ repository: this.repository.fullName, number });
    return found.map(({ body }) => String(body));
  }

  async close(): Promise<void> {
    await this.db.close();
    await this.owner.end();
    await this.database.close();
  }
}
