import { chmod, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { ServiceAddress } from '@wherry/config';
import { GitTokenStore, PushProgressStore, RefStore, type Database, type Tx } from '@wherry/db';
import { channels } from '@wherry/contract';
import { environmentLabel, environmentUrl, newId } from '@wherry/domain';
import { describeError, type Log } from '@wherry/logging';
import { GitTool } from './adapters/git-tool';
import { Repositories } from './adapters/repositories';
import { GitServer } from './git-server';
import { Bell } from './push/bell';
import { FollowDeployment, type FollowTimes } from './push/follow-deployment';
import { chooseProduction } from './push/policy';
import { ReceivePush } from './push/receive-push';
import { KeyedLock } from './repository/keyed-lock';
import { gitLimits, type GitLimits } from './repository/limits';
import { ReconcileRefs } from './repository/reconcile-refs';
import { Upkeep } from './repository/upkeep';

export type PlanJob = Readonly<{ tenantId: string; repositoryId: string; ref: string }>;

export type GitServiceOptions = Readonly<{
  db: Database;
  /** Queues a plan in the given transaction. */
  plan: (tx: Tx, job: PlanJob) => Promise<void>;
  repositoriesDir: string;
  consoleUrl: string;
  gatewayUrl: string;
  appsDomain: string;
  limits?: GitLimits;
  follow?: FollowTimes;
  log: Log;
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
}>;

/** The parts of the git remote, put together. It neither listens nor compares refs until it is told to. */
export class GitService {
  readonly server: Server;
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | null = null;

  private constructor(
    private readonly bell: Bell,
    private readonly reconciler: ReconcileRefs,
    private readonly upkeep: Upkeep,
    private readonly log: Log,
    makeServer: (stopping: AbortSignal) => GitServer,
  ) {
    this.server = makeServer(this.stopping.signal).create();
  }

  /** @throws Error when git is missing or the repositories' folder cannot be used. */
  static async create(options: GitServiceOptions): Promise<GitService> {
    const { db, log, now, limits = gitLimits } = options;
    const git = await GitTool.find(options.repositoriesDir);
    const makeId = (kind: 'repository' | 'push'): string => newId(kind, options.randomBytes);
    const randomName = (): string => Buffer.from(options.randomBytes(12)).toString('hex');
    const repositories = new Repositories(options.repositoriesDir, git, randomName);
    await repositories.tidy();
    const store = new RefStore(db, options.plan, chooseProduction);
    const lock = new KeyedLock();
    const bell = new Bell();
    const upkeep = new Upkeep(repositories, now, log);
    const push = new ReceivePush(store, { repositories, git, upkeep }, lock, limits, makeId, log);
    const follow = new FollowDeployment(new PushProgressStore(db), bell, now, log, options.follow);
    const parts = { identities: new GitTokenStore(db), store, repositories, git, push, follow, limits, log, now };
    const addresses = { consoleUrl: options.consoleUrl, appsUrl: appsUrlOf(options) };
    const makeServer = (stopping: AbortSignal): GitServer => new GitServer({ ...parts, ...addresses, stopping });
    return new GitService(bell, new ReconcileRefs(store, repositories, lock, log), upkeep, log, makeServer);
  }

  /** Takes a notification of the deployment or the log channel. */
  hear(channel: string, payload: string): void {
    const [tenantId = '', deploymentId = ''] = payload.split('/');
    if (deploymentId !== '') this.bell.ring(tenantId, deploymentId, channel === channels.log);
  }

  /** To be called whenever the database may have changed unheard. */
  catchUp(): void {
    this.bell.ringAll();
    void this.reconcile();
  }

  /** Compares all refs with the ledger, and again every `intervalMs` until it is stopped. */
  keepReconciled(intervalMs = 60_000): void {
    this.timer = setInterval(() => void this.reconcile(), intervalMs);
    void this.reconcile();
  }

  async reconcile(): Promise<void> {
    try {
      const { repositories, changed, failed } = await this.reconciler.run();
      if (changed + failed === 0) return;
      const message = `Compared ${repositories} repositories; ${failed} failed.`;
      this.log.write({ op: 'refs.reconcile', ok: failed === 0, count: changed, message });
    } catch (error) {
      this.log.write({ op: 'refs.reconcile', ok: false, message: describeError(error) });
    }
  }

  /** Listens. A unix socket can be opened by this user only; one left by a killed process is replaced. */
  async listen(address: ServiceAddress): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.server.once('error', reject);
    if (!('socketPath' in address)) {
      this.server.listen(address, resolve);
      return promise;
    }
    await rm(address.socketPath, { force: true });
    this.server.listen(address.socketPath, resolve);
    await promise;
    await chmod(address.socketPath, 0o600);
  }

  /** Takes no new requests, tells those who follow a deployment where to look on, and returns when all have ended. */
  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    this.stopping.abort();
    this.server.closeIdleConnections();
    await promise;
    await this.upkeep.stop();
  }
}

/** What is pushed here goes to production. */
function appsUrlOf(options: GitServiceOptions): (tenantSlug: string) => string {
  return (tenantSlug) => environmentUrl(options, environmentLabel({ tenantSlug, label: null }));
}
