import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOrder } from '@wherry/contract';
import type { TrustLevel } from '@wherry/domain';
import type { KeeperClient, KeeperProcess } from '@wherry/keeper';
import type { BuilderRunner, EventBatch, OrderPaths } from '../build/builder-runner';
import type { Clock } from '../clock';
import { lastWords } from './builder-log';
import { hasLastWord, prepareEvents, tailEvents } from './event-file';
import { removeTree } from './remove-tree';

export type KeeperBuilderRunnerOptions = Readonly<{
  keeper: Pick<KeeperClient, 'start' | 'stop' | 'list' | 'exits'>;
  clock: Clock;
  /** The state folder: `builds`, `artifacts` and `cache` are in it. */
  stateDir: string;
  templatesDir: string;
  nodeFile: string;
  npmFile: string;
  builderFile: string;
  /** Where the builder finds git and the sandbox's programs. */
  path: string;
  /**
   * Told the last lines that a builder itself has printed, before they are removed. It prints nothing as long as it is
   * well: what it does and why a build fails are events.
   */
  onFault: (deploymentId: string, lines: string) => void;
}>;

const idPrefix = 'build-';
const eventsName = 'events.ndjson';
const logName = 'builder.log';
/** SIGTERM first, so that the builder can end what it started; with the kill after it below five seconds. */
const graceMs = 4_000;
const goneTimeoutMs = 6_000;
/** How often the list of processes is asked for one that should go, in case its exit was not told. */
const goneCheckMs = 200;

/** Builders as processes of the keeper: they outlive this worker, and end with the platform. */
export class KeeperBuilderRunner implements BuilderRunner {
  /** Who wants to know that a process may have ended. */
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly closing = new AbortController();

  constructor(private readonly options: KeeperBuilderRunnerOptions) {}

  /** Listens for exits until `close`. Without it, exits are noticed later. */
  start(): void {
    const listen = async () => {
      for await (const { id } of this.options.keeper.exits(this.closing.signal)) {
        for (const wake of this.listeners.get(id) ?? []) wake();
      }
    };
    // Exits are looked for besides; what ends the stream also ends those looks, and is told there.
    listen().catch(() => undefined);
  }

  close(): void {
    this.closing.abort();
  }

  paths(tenantId: string, deploymentId: string, trust: TrustLevel): OrderPaths {
    const { stateDir, templatesDir, nodeFile, npmFile } = this.options;
    return {
      work: this.work(deploymentId),
      artifacts: join(stateDir, 'artifacts'),
      cache: this.cache(tenantId, trust),
      templates: templatesDir,
      node: nodeFile,
      npmCli: npmFile,
    };
  }

  async ensure(deploymentId: string, order: BuildOrder): Promise<void> {
    const { keeper, nodeFile, builderFile, path } = this.options;
    if (await this.find(deploymentId)) return;
    const { work } = order.paths;
    const folders = order.buildkit ? [work] : [work, order.paths.artifacts, order.paths.cache];
    for (const folder of folders) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    const events = join(work, eventsName);
    if (await hasLastWord(events)) return;
    await this.tellFault(deploymentId);
    for (const name of await readdir(work)) if (name !== eventsName) await removeTree(join(work, name));
    await prepareEvents(events);
    const orderFile = join(work, 'order.json');
    await writeFile(orderFile, JSON.stringify(order), { mode: 0o600 });
    await keeper.start(idPrefix + deploymentId, {
      file: nodeFile,
      args: [builderFile, orderFile],
      env: { PATH: path, HOME: work },
      cwd: work,
      output: join(work, logName),
      limits: { memoryMiB: order.limits.memoryMiB, cpuMillicores: null, pids: null },
    });
  }

  events(deploymentId: string, from: number, signal: AbortSignal): AsyncIterable<EventBatch> {
    return tailEvents({
      path: join(this.work(deploymentId), eventsName),
      from,
      signal,
      isOver: async () => (await this.find(deploymentId))?.state !== 'running',
      onMaybeOver: (wake) => this.onExit(deploymentId, wake),
    });
  }

  async ranOutOfMemory(deploymentId: string): Promise<boolean> {
    const builder = await this.find(deploymentId);
    return builder?.state === 'exited' && builder.outOfMemory;
  }

  async stop(deploymentId: string): Promise<void> {
    const { keeper, clock } = this.options;
    const deadline = clock.now() + goneTimeoutMs;
    while (await this.find(deploymentId)) {
      await keeper.stop(idPrefix + deploymentId, graceMs);
      if (!(await this.find(deploymentId))) return;
      if (clock.now() > deadline) throw new Error(`The builder of ${deploymentId} does not end.`);
      await this.untilExit(deploymentId);
    }
  }

  async cleanUp(deploymentId: string): Promise<void> {
    await this.stop(deploymentId);
    await this.tellFault(deploymentId);
    await removeTree(this.work(deploymentId));
  }

  async leftovers(): Promise<string[]> {
    const listed = await this.options.keeper.list();
    const kept = listed.filter(({ id }) => id.startsWith(idPrefix)).map(({ id }) => id.slice(idPrefix.length));
    const folders = await readdir(join(this.options.stateDir, 'builds')).catch(() => []);
    return [...new Set([...kept, ...folders])];
  }

  async cachedTenants(): Promise<string[]> {
    const folders = await readdir(join(this.options.stateDir, 'cache')).catch(() => []);
    return [...new Set(folders.map((name) => name.replace(/\.untrusted$/, '')))];
  }

  async removeCaches(tenantId: string): Promise<void> {
    for (const trust of ['trusted', 'untrusted'] as const) await removeTree(this.cache(tenantId, trust));
  }

  private cache(tenantId: string, trust: TrustLevel): string {
    return join(this.options.stateDir, 'cache', trust === 'trusted' ? tenantId : `${tenantId}.untrusted`);
  }

  private work(deploymentId: string): string {
    return join(this.options.stateDir, 'builds', deploymentId);
  }

  private async tellFault(deploymentId: string): Promise<void> {
    const lines = await lastWords(join(this.work(deploymentId), logName));
    if (lines !== null) this.options.onFault(deploymentId, lines);
  }

  private async find(deploymentId: string): Promise<KeeperProcess | null> {
    const listed = await this.options.keeper.list();
    return listed.find(({ id }) => id === idPrefix + deploymentId) ?? null;
  }

  private onExit(deploymentId: string, wake: () => void): () => void {
    const id = idPrefix + deploymentId;
    const set = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, set.add(wake));
    return () => {
      set.delete(wake);
      if (set.size === 0 && this.listeners.get(id) === set) this.listeners.delete(id);
    };
  }

  private async untilExit(deploymentId: string): Promise<void> {
    const exited = new AbortController();
    const unsubscribe = this.onExit(deploymentId, () => exited.abort());
    await this.options.clock.sleep(goneCheckMs, exited.signal);
    unsubscribe();
  }
}
