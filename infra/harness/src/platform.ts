import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalState } from '@wherry/contract';

export const checkout = path.resolve(
  import.meta.dirname,
  existsSync(path.join(import.meta.dirname, 'supervisor.mjs')) ? '..' : '../../..',
);

export type StartOptions = Readonly<{
  /** State folder; a new temporary one when left out. */
  home?: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}>;

/** A running embedded platform. */
export class Platform {
  private constructor(
    readonly home: string,
    readonly local: LocalState,
    private readonly child: ChildProcess,
    private readonly output: string[],
    /** From the start of the supervisor until it said that everything is ready. */
    readonly readyMs: number,
  ) {}

  /** Starts dist/supervisor.mjs as `npm start` does, and waits for local.json. */
  static async start(options: StartOptions = {}): Promise<Platform> {
    const home = options.home ?? mkdtempSync(path.join(tmpdir(), 'wherry-'));
    const output: string[] = [];
    const startedAt = performance.now();
    const child = spawn(
      path.join(checkout, 'node_modules', '.bin', 'node'),
      [path.join(checkout, 'dist', 'supervisor.mjs'), ...(options.args ?? ['--no-examples'])],
      { cwd: checkout, env: { ...process.env, WHERRY_HOME: home, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    const file = path.join(home, 'local.json');
    const deadline = startedAt + (options.timeoutMs ?? 60_000);
    while (!existsSync(file)) {
      if (child.exitCode !== null || performance.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`The platform did not start:\n${output.join('')}`);
      }
      await delay(20);
    }
    const local = LocalState.parse(JSON.parse(readFileSync(file, 'utf8')));
    return new Platform(home, local, child, output, performance.now() - startedAt);
  }

  /** What the supervisor printed so far. */
  text(): string {
    return this.output.join('');
  }

  get supervisorPid(): number {
    return this.child.pid as number;
  }

  /** `local.json` as it is now: pids change when a process was started again. */
  now(): LocalState {
    return LocalState.parse(JSON.parse(readFileSync(path.join(this.home, 'local.json'), 'utf8')));
  }

  /** The URL of a path on the tenant's functions' host. Node does not resolve `*.localhost`: send `host` as a header. */
  functionHost(tenant = this.local.tenant): string {
    return `${tenant}.${this.local.appsDomain}:${new URL(this.local.gatewayUrl).port}`;
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }

  async kill(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** Ends it and removes its state. */
  async destroy(): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Calls the console's API with the token of local.json. */
  async api<T>(method: string, pathname: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.local.consoleUrl}/v1${pathname}`, {
      method,
      headers: {
        authorization: `Bearer ${this.local.apiToken}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`${method} ${pathname}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
}
