import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@wherry/logging';
import { readRegistryLine } from '../read-registry-line';

export type RegistryChildOptions = Readonly<{ binary: string; configFile: string; socketFile: string; log: Log }>;

const shortestBackoffMs = 250;
const longestBackoffMs = 30_000;
/** One that ran for so long did not die of its configuration. */
const settledMs = 60_000;
const startWithinMs = 30_000;
const stopWithinMs = 12_000;

/** The registry as a child of this process: started, started again when it dies, ended with it. */
export class RegistryChild {
  private child: ChildProcess | null = null;
  private readonly ending = new AbortController();
  private running: Promise<void> = Promise.resolve();

  private constructor(private readonly options: RegistryChildOptions) {}

  /** Resolves when the registry answers. @throws Error when it does not in half a minute, or ends. */
  static async start(options: RegistryChildOptions): Promise<RegistryChild> {
    const registry = new RegistryChild(options);
    const first = await registry.spawn();
    registry.running = registry.keep(first);
    try {
      await registry.answers();
    } catch (error) {
      await registry.stop();
      throw error;
    }
    return registry;
  }

  get isRunning(): boolean {
    const child = this.child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Its process, for as long as that one lives. */
  get pid(): number | undefined {
    return this.isRunning ? this.child?.pid : undefined;
  }

  /** Ends it after what it is answering; by force after twelve seconds. May be called twice. */
  async stop(): Promise<void> {
    this.ending.abort();
    this.child?.kill('SIGTERM');
    const force = setTimeout(() => this.child?.kill('SIGKILL'), stopWithinMs);
    await this.running;
    clearTimeout(force);
  }

  private async spawn(): Promise<ChildProcess> {
    // What a former one left: a socket's file outlives its process.
    await rm(this.options.socketFile, { force: true });
    // A closed environment: the registry takes settings from variables, too.
    const env = { OTEL_TRACES_EXPORTER: 'none' };
    const child = spawn(this.options.binary, ['serve', this.options.configFile], {
      ...{ env, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    child.on('error', () => undefined);
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        const fields = readRegistryLine(line);
        if (fields) this.options.log.write(fields);
      });
    }
    this.child = child;
    return child;
  }

  private async keep(first: ChildProcess): Promise<void> {
    let child = first;
    for (let backoffMs = shortestBackoffMs; ;) {
      const startedAt = performance.now();
      const how = await endOf(child);
      if (this.ending.signal.aborted) return;
      if (performance.now() - startedAt > settledMs) backoffMs = shortestBackoffMs;
      const message = `The registry ${how}; it is started again in ${backoffMs} ms.`;
      this.options.log.write({ op: 'registry.run', ok: false, message });
      await delay(backoffMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
      if (this.ending.signal.aborted) return;
      backoffMs = Math.min(2 * backoffMs, longestBackoffMs);
      child = await this.spawn();
      // Told to stop while the one to be stopped was not there yet.
      if (this.ending.signal.aborted) child.kill('SIGTERM');
    }
  }

  private async answers(): Promise<void> {
    const until = performance.now() + startWithinMs;
    while (!(await pings(this.options.socketFile))) {
      if (!this.isRunning) throw new Error('The registry ended while it was starting; its output tells why.');
      if (performance.now() > until) throw new Error('The registry did not answer within 30 seconds of its start.');
      await delay(50);
    }
  }
}

/** How it ended, as the end of a sentence. */
async function endOf(child: ChildProcess): Promise<string> {
  if (child.pid === undefined) return 'could not be started';
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.signalCode === null ? `ended with code ${child.exitCode}` : `was ended by ${child.signalCode}`;
}

async function pings(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    request({ socketPath, path: '/v2/', timeout: 1_000, agent: false }, (answer) => {
      answer.resume();
      resolve(true);
    })
      .once('error', () => resolve(false))
      .once('timeout', () => resolve(false))
      .end();
  });
}
