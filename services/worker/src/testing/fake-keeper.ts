import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildOrder, type BuildEvent } from '@wherry/contract';
import type { KeeperOrder, KeeperProcess } from '@wherry/keeper';

/** A builder that does what the test says. */
export class FakeBuilder {
  constructor(
    readonly order: BuildOrder,
    private readonly end: (exitCode: number, outOfMemory: boolean) => void,
  ) {}

  /** Appends events as a builder does. */
  emit(...events: (BuildEvent | Omit<BuildEvent, 'at'>)[]): void {
    this.write(events.map((event) => `${JSON.stringify({ at: 1_800_000_000_000, ...event })}\n`).join(''));
  }

  /** Appends bytes that may be half a line. */
  write(text: string): void {
    appendFileSync(join(this.order.paths.work, 'events.ndjson'), text);
  }

  exit(exitCode: number, outOfMemory = false): void {
    this.end(exitCode, outOfMemory);
  }
}

/** Keeps processes as the keeper does, in memory; each is a FakeBuilder. Outlives the workers of a test. */
export class FakeKeeper {
  readonly stopped: string[] = [];
  /** Every builder that was started, by deployment; the last one is the newest. */
  readonly builders = new Map<string, FakeBuilder[]>();
  private readonly processes = new Map<string, KeeperProcess>();
  private readonly watchers = new Set<(gone: KeeperProcess) => void>();

  /** @param onStart runs the builder; without it the test does. */
  constructor(public onStart: (builder: FakeBuilder) => void = () => undefined) {}

  async start(id: string, order: KeeperOrder): Promise<KeeperProcess> {
    const known = this.processes.get(id);
    if (known) return known;
    const deploymentId = id.replace('build-', '');
    const read = BuildOrder.parse(JSON.parse(readFileSync(order.args[1] ?? '', 'utf8')));
    const builder = new FakeBuilder(read, (exitCode, outOfMemory) => this.finish(id, exitCode, outOfMemory));
    this.builders.set(deploymentId, [...(this.builders.get(deploymentId) ?? []), builder]);
    const process: KeeperProcess = {
      ...{ id, pid: 1, startTime: '1', state: 'running', exitCode: null, signal: null, outOfMemory: false },
      limitKind: 'approximate',
    };
    this.processes.set(id, process);
    this.onStart(builder);
    return process;
  }

  async stop(id: string): Promise<void> {
    if (this.processes.get(id)?.state === 'running') {
      this.stopped.push(id.replace('build-', ''));
      this.finish(id, 1);
    }
    this.processes.delete(id);
  }

  async list(): Promise<KeeperProcess[]> {
    return [...this.processes.values()];
  }

  async *exits(signal: AbortSignal): AsyncIterable<KeeperProcess> {
    const gone: KeeperProcess[] = [];
    let wake: () => void = () => undefined;
    const watcher = (process: KeeperProcess) => {
      gone.push(process);
      wake();
    };
    signal.addEventListener('abort', () => wake());
    this.watchers.add(watcher);
    while (!signal.aborted) {
      yield* gone.splice(0);
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (gone.length > 0 || signal.aborted) resolve();
      });
    }
    this.watchers.delete(watcher);
  }

  /** As when the supervisor ended: every process is gone and none is remembered. */
  forgetAll(): void {
    for (const id of this.processes.keys()) this.finish(id, 137);
    this.processes.clear();
  }

  private finish(id: string, exitCode: number, outOfMemory = false): void {
    const process = this.processes.get(id);
    if (process?.state !== 'running') return;
    const exited: KeeperProcess = { ...process, state: 'exited', exitCode, outOfMemory };
    this.processes.set(id, exited);
    for (const watcher of this.watchers) watcher(exited);
  }
}
