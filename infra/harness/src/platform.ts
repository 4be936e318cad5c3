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
  /** A command that becomes the supervisor, such as `setpriv …`. */
  wrapper?: readonly string[];
}>;

/** How a start ended that did not become a running platform. */
export type FailedStart = Readonly<{ exitCode: number | null; output: string }>;

/** A reply of the console's API, whatever its status. */
export type ApiReply = Readonly<{ status: number; text: string; headers: Headers }>;

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
    const startedAt = performance.now();
    const { child, output } = launch(home, options);
    const file = path.join(home, 'local.json');
    const deadline = startedAt + (options.timeoutMs ?? 60_000);
    // A supervisor that was killed leaves its own file behind.
    while (readState(file)?.pids.supervisor !== child.pid) {
      if (hasEnded(child) || performance.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`The platform did not start:\n${output.join('')}`);
      }
      await delay(20);
    }
    const local = readState(file) as LocalState;
    return new Platform(home, local, child, output, performance.now() - startedAt);
  }

  /** Starts it where it must refuse. @throws Error when it runs all the same; it is ended then. */
  static async startInVain(options: StartOptions & Readonly<{ home: string }>): Promise<FailedStart> {
    const { child, output } = launch(options.home, options);
    const timer = setTimeout(() => child.kill('SIGTERM'), options.timeoutMs ?? 30_000);
    const [exitCode, signal] = (await once(child, 'close')) as [number | null, string | null];
    clearTimeout(timer);
    if (exitCode === 0 || signal !== null) throw new Error(`The platform started:\n${output.join('')}`);
    return { exitCode, output: output.join('') };
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
    if (hasEnded(this.child)) return;
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
    const { status, text } = await this.apiReply(method, pathname, {
      authorization: `Bearer ${this.local.apiToken}`,
      ...(body === undefined ? {} : { body }),
    });
    if (status >= 400) throw new Error(`${method} ${pathname}: ${status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Calls the console's API as whoever the headers say, and gives what came back. */
  async apiReply(
    method: string,
    pathname: string,
    { body, ...headers }: Readonly<{ authorization?: string; cookie?: string; origin?: string; body?: unknown }> = {},
  ): Promise<ApiReply> {
    const response = await fetch(`${this.local.consoleUrl}/v1${pathname}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  }
}

function readState(file: string): LocalState | null {
  return existsSync(file) ? LocalState.parse(JSON.parse(readFileSync(file, 'utf8'))) : null;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function launch(home: string, options: StartOptions): { child: ChildProcess; output: string[] } {
  const command = [
    ...(options.wrapper ?? []),
    path.join(checkout, 'node_modules', '.bin', 'node'),
    path.join(checkout, 'dist', 'supervisor.mjs'),
    ...(options.args ?? ['--no-examples']),
  ];
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: checkout,
    env: { ...process.env, WHERRY_HOME: home, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  return { child, output };
}
