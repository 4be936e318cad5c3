import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Database } from '@wherry/db';
import { GithubApp } from '@wherry/github';
import type { GithubDouble } from '@wherry/github-double';
import { Queue } from '@wherry/queue';
import { GithubSource } from '../adapters/github-source';
import { RandomIdentities } from '../adapters/identities';
import { systemClock as clock } from '../adapters/system-clock';
import { assembleGithub } from '../github/assemble-github';
import type { WatchGithub } from '../sweep/watch-github';
import type { Worker } from '../worker';
import { openStores } from '../open-stores';
import { TestPlatform } from './platform';

export type Github = Awaited<ReturnType<typeof GithubDouble.start>>;
export type Row = Record<string, unknown>;

/** A stack file that makes a repository one for us. */
export const stack = { 'stack.yml': 'functions: {}\n' };

/** `aheadMs`: how far the clock is ahead by which limits of calls end. */
type Registered = { app: GithubApp; aheadMs: number; readonly newApp: () => Promise<GithubApp> };

/** A worker whose GitHub is a double, which sends its webhooks to a plain intake. */
export class GithubPlatform {
  /** What the intake answers deliveries with; they are stored when it is 202. */
  intakeStatus = 202;
  installationId = 0;
  /** How far the watch's clock is ahead. */
  aheadMs = 0;
  private names = 0;

  private constructor(
    readonly github: Github,
    readonly platform: TestPlatform,
    readonly registered: Registered,
    readonly worker: Worker,
    /** One that the test calls by hand; the worker has its own, which looks once when it starts. */
    readonly watch: WatchGithub,
    private readonly open: Readonly<{ intake: Server; database: Database; queue: Queue; db: Database }>,
  ) {}

  get appId(): number {
    return this.app.appId;
  }

  get app(): GithubApp {
    return this.registered.app;
  }

  /** Another App, which nobody has installed yet, is registered in the place of the former one. */
  async registerAnother(): Promise<void> {
    this.registered.app = await this.registered.newApp();
  }

  /** An App that nobody has installed yet, and the organisation `acme` with its owner `ada` and the stranger `mallory`. */
  static async create(github: Github): Promise<GithubPlatform> {
    const intake = createServer();
    await new Promise<void>((resolve) => intake.listen(0, '127.0.0.1', resolve));
    const webhookUrl = `http://127.0.0.1:${(intake.address() as AddressInfo).port}/github/webhooks`;
    for (const login of ['ada', 'grace', 'mallory']) await github.createUser({ login });
    await github.createOrganisation({ login: 'acme', members: [{ login: 'ada', role: 'admin' }] });
    const urls = { apiUrl: github.apiUrl, githubUrl: github.url };
    const newApp = async () => {
      const { appId, privateKeyPem } = await github.createApp({ owner: 'acme', webhookUrl });
      const now = () => clock.now() + registered.aheadMs;
      return new GithubApp({ appId, privateKeyPem, ...urls, now, timeoutMs: 5_000 });
    };
    const registered: Registered = { app: await newApp(), aheadMs: 0, newApp };
    const platform = await TestPlatform.create();
    platform.github = { app: async () => registered.app };
    const worker = await platform.worker();
    const db = await Database.open({ url: platform.database.url('wherry_worker'), applicationName: 'watch' });
    const ahead = (): number => made.aheadMs;
    const { watch } = assembleGithub(
      { connection: platform.github, source: new GithubSource(platform.github), stores: openStores(db).github },
      {
        clock: { now: () => clock.now() + ahead(), sleep: clock.sleep },
        ...{ identities: new RandomIdentities(), plan: (job) => worker.plan(job) },
        log: { write: (fields) => platform.logged.push(fields) },
      },
    );
    const url = platform.database.url('wherry_api');
    const database = await Database.open({ url, applicationName: 'intake', poolSize: 4 });
    const queue = await Queue.open({ url, applicationName: 'intake' });
    const made: GithubPlatform = new GithubPlatform(github, platform, registered, worker, watch, {
      intake,
      database,
      queue,
      db,
    });
    intake.on('request', (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const { 'x-github-delivery': id, 'x-github-event': event } = req.headers;
        const stored = made.intakeStatus === 202 ? made.store(String(id), String(event), Buffer.concat(chunks)) : null;
        void Promise.resolve(stored).then(
          () => res.writeHead(made.intakeStatus).end(),
          () => res.writeHead(500).end(),
        );
      });
    });
    return made;
  }

  /** Stores a delivery with its job, as the intake does. */
  async store(id: string, event: string, body: Uint8Array): Promise<void> {
    const { database, queue } = this.open;
    await database.cross('intake', async (tx) => {
      const added = await tx.$executeRaw`
        insert into github_deliveries (id, event, body, installation_id)
        values (${id}, ${event}, ${body}, ${installationOf(body)}::bigint) on conflict do nothing`;
      if (added > 0) await queue.send(tx, 'delivery', { deliveryId: id });
    });
  }

  async install(repositories: 'all' | string[] = 'all'): Promise<number> {
    const { installationId } = await this.github.install({ appId: this.appId, account: 'acme', repositories });
    this.installationId = installationId;
    await this.handled();
    return installationId;
  }

  /** A repository of `acme` with one commit; when the App is installed there, it is connected when this returns. */
  async repository(files: Record<string, string> = stack): Promise<{ fullName: string; id: number; sha: string }> {
    const name = `shop-${(this.names += 1)}`;
    const { fullName, id } = await this.github.createRepository({ owner: 'acme', name, files, private: true });
    await this.handled();
    const { main = '' } = await this.github.branches({ repository: fullName });
    return { fullName, id, sha: main };
  }

  /** Returns when every webhook has arrived, and every delivery that was stored is handled. */
  async handled(): Promise<Row[]> {
    await this.github.settled();
    for (let waitedMs = 0; ; waitedMs += 20) {
      const rows = await this.sql(`select * from github_deliveries order by received_at, id`);
      if (rows.every(({ status }) => status !== 'received')) return rows;
      if (waitedMs > 20_000) throw new Error(`Deliveries are not handled: ${JSON.stringify(rows.map(summary))}`);
      await clock.sleep(20);
    }
  }

  /** One round of what the worker does once a minute. */
  async look(): Promise<void> {
    await this.watch.once(new AbortController().signal);
  }

  sql(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.platform.sql(text, values);
  }

  /** Deployments of a repository by GitHub's number, oldest first. */
  deployments(githubId: number): Promise<Row[]> {
    return this.sql(
      `select d.*, e.kind, e.label, e.closed_at, e.name as environment_name from deployments d
       join repositories r on r.tenant_id = d.tenant_id and r.id = d.repository_id
       join environments e on e.tenant_id = d.tenant_id and e.id = d.environment_id
       where r.github_id = $1 order by d.created_at`,
      [githubId],
    );
  }

  /** As if what was deployed of a repository had become live. */
  async goLive(githubId: number): Promise<void> {
    await this.sql(
      `update deployments d set status = 'live', lease_owner = null from repositories r
       where r.github_id = $1 and r.tenant_id = d.tenant_id and r.id = d.repository_id and d.status in ('queued', 'building')`,
      [githubId],
    );
  }

  async close(): Promise<void> {
    const { intake, database, queue, db } = this.open;
    intake.closeAllConnections();
    intake.close();
    await Promise.all([database.close(), queue.close(), db.close()]);
    await this.platform.close();
  }
}

/** Null for what cannot be read. */
function installationOf(body: Uint8Array): number | null {
  try {
    const { installation } = JSON.parse(Buffer.from(body).toString()) as { installation?: { id?: number } };
    return installation?.id ?? null;
  } catch {
    return null;
  }
}

function summary({ event, status, outcome }: Row): unknown {
  return { event, status, outcome };
}
