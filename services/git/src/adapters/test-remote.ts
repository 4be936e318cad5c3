import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { channels } from '@wherry/contract';
import { Database, Listener } from '@wherry/db';
import type { LogFields } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import { createTestDatabase, type TestDatabase } from '@wherry/testing';
import pg from 'pg';
import { GitService, type GitServiceOptions } from '../git-service';

export type GitResult = Readonly<{ code: number; out: string; err: string }>;
export type Served = Readonly<{ service: GitService; url: string }>;
export type Tenant = Readonly<{ id: string; slug: string }>;

/** Runs the git of the machine as a developer would, with no configuration but a name. */
export async function git(cwd: string, args: readonly string[], onOutput?: (text: string) => void): Promise<GitResult> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    ...{ GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'ada@example.org' },
    ...{ GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'ada@example.org' },
  };
  const child = spawn('git', args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
    onOutput?.(err);
  });
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)));
  return { code, out: out.trim(), err };
}

/** A working copy with one commit on `main`. */
export class WorkingCopy {
  constructor(readonly directory: string) {}

  static async create(parent: string): Promise<WorkingCopy> {
    const copy = new WorkingCopy(await mkdtemp(join(parent, 'work-')));
    await copy.git('init', '--quiet', '--initial-branch=main');
    await copy.commit('handler.js', 'module.exports = 1\n');
    return copy;
  }

  git(...args: string[]): Promise<GitResult> {
    return git(this.directory, args);
  }

  /** Gives the new commit's name. */
  async commit(file: string, content: string | Buffer, message = `Change ${file}`): Promise<string> {
    const path = join(this.directory, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await this.git('add', '.');
    await this.git('commit', '--quiet', '--allow-empty', '-m', message);
    return this.head();
  }

  async head(): Promise<string> {
    return (await this.git('rev-parse', 'HEAD')).out;
  }
}

/** A git remote on a real database, reached over TCP, and what its tests need around it. */
export class TestRemote {
  readonly log: LogFields[] = [];

  private constructor(
    readonly folder: string,
    readonly database: TestDatabase,
    readonly owner: pg.Client,
    private readonly closers: (() => Promise<unknown>)[],
  ) {}

  /** A database with nothing that serves it. */
  static async prepare(): Promise<TestRemote> {
    const database = await createTestDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'wherry-git-'));
    const owner = new pg.Client({ connectionString: database.url('owner') });
    await owner.connect();
    return new TestRemote(folder, database, owner, []);
  }

  static async start(options: Partial<GitServiceOptions> = {}): Promise<TestRemote & Served> {
    const remote = await TestRemote.prepare();
    return Object.assign(remote, await remote.serve(options));
  }

  get repositoriesDir(): string {
    return join(this.folder, 'repositories');
  }

  /** Starts a service in this process. */
  async serve(options: Partial<GitServiceOptions>): Promise<Served> {
    const url = this.database.url('wherry_git');
    const db = await Database.open({ url, applicationName: 'git', poolSize: 4 });
    const queue = await Queue.open({ url, applicationName: 'git' });
    const service = await GitService.create({
      db,
      plan: (tx, job) => queue.send(tx, 'plan', job),
      repositoriesDir: this.repositoriesDir,
      consoleUrl: 'http://127.0.0.1:3000',
      gatewayUrl: 'http://127.0.0.1:8080',
      appsDomain: 'localhost',
      log: { write: (fields) => void this.log.push(fields) },
      now: () => performance.now(),
      randomBytes,
      ...options,
    });
    const listener = new Listener({
      url,
      channels: [channels.deployment, channels.log],
      onReady: () => service.catchUp(),
      onNotification: (channel, payload) => service.hear(channel, payload),
    });
    await listener.start();
    await service.listen({ host: '127.0.0.1', port: 0 });
    this.closers.unshift(async () => {
      await service.stop();
      await Promise.all([listener.stop(), queue.close(), db.close()]);
    });
    return { service, url: `http://127.0.0.1:${(service.server.address() as AddressInfo).port}` };
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
    await this.owner.end();
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async tenant(slug: string): Promise<Tenant> {
    const id = `ten_${slug}`;
    await this.owner.query('insert into tenants (id, slug, name) values ($1, $2, $2)', [id, slug]);
    await this.owner.query(
      "insert into environments (tenant_id, id, name, kind) values ($1, 'env_' || $2::text, 'production', 'production')",
      [id, slug],
    );
    return { id, slug };
  }

  /** A token's secret value. */
  async token(tenant: Tenant, scopes: readonly string[], fields: { expiresAt?: Date; repositoryId?: string } = {}) {
    const secret = randomBytes(16).toString('hex');
    await this.owner.query(
      `insert into tokens (tenant_id, id, name, token_hash, scopes, repository_id, expires_at)
       values ($1, $2, 'test', $3, $4, $5, $6)`,
      [
        ...[tenant.id, `tok_${secret}`, createHash('sha256').update(secret).digest(), scopes],
        ...[fields.repositoryId ?? null, fields.expiresAt ?? null],
      ],
    );
    return secret;
  }

  async rows<T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
    return (await this.owner.query<T>(sql, values)).rows;
  }

  /** Refs for which a plan was queued, oldest first. */
  async plans(tenant: Tenant): Promise<string[]> {
    const rows = await this.rows<{ ref: string }>(
      "select data ->> 'ref' as ref from pgboss.job where name = 'plan' and data ->> 'tenantId' = $1 order by created_on",
      [tenant.id],
    );
    return rows.map(({ ref }) => ref);
  }

  async ledger(tenant: Tenant): Promise<Record<string, string>> {
    const rows = await this.rows<{ ref: string; commit_sha: string }>(
      'select ref, commit_sha from repository_refs where tenant_id = $1 order by ref',
      [tenant.id],
    );
    return Object.fromEntries(rows.map(({ ref, commit_sha }) => [ref, commit_sha]));
  }
}
