import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Scenario } from './scenario';

export type * from './scenario';

const checkout = path.resolve(
  import.meta.dirname,
  existsSync(path.join(import.meta.dirname, 'github-double.mjs')) ? '..' : '../../../..',
);

/** Where a running double listens. */
export type Addresses = Readonly<{ url: string; apiUrl: string; control: string }>;

/** Every method of `Scenario`; inputs that may be left out altogether may be left out here. */
type Calls = {
  [Name in keyof Scenario]: Record<never, never> extends Parameters<Scenario[Name]>[0]
    ? (input?: Parameters<Scenario[Name]>[0]) => ReturnType<Scenario[Name]>
    : Scenario[Name];
};

/** A GitHub of its own for one test: starts `dist/github-double.mjs`, and drives it. */
export class GithubDouble {
  private constructor(
    private readonly child: ChildProcess,
    private readonly addresses: Addresses,
  ) {}

  /** @param port of 127.0.0.1; any free one when left out. @throws Error with what the process printed when it ends early. */
  static async start(port = 0): Promise<GithubDouble & Calls> {
    const child = spawn(process.execPath, ['--enable-source-maps', path.join(checkout, 'dist/github-double.mjs')], {
      env: { PATH: process.env.PATH, PORT: String(port) },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    child.stderr?.setEncoding('utf8').on('data', (text: string) => output.push(text));
    const line = await firstLine(child);
    if (line === undefined) throw new Error(`The double of GitHub did not start:\n${output.join('')}`);
    return withCalls(new GithubDouble(child, JSON.parse(line) as Addresses));
  }

  /** Drives one that somebody else started. */
  static at(addresses: Addresses): Pick<GithubDouble, 'control'> & Calls {
    const control: GithubDouble['control'] = (method, to, body) => call(addresses.control, method, to, body);
    return withCalls({ control });
  }

  /** Stands for `https://github.com`. */
  get url(): string {
    return this.addresses.url;
  }

  /** Stands for `https://api.github.com`, with the prefix of an own server: `<url>/api/v3`. */
  get apiUrl(): string {
    return this.addresses.apiUrl;
  }

  /** Where the scenario is controlled; no part of GitHub. */
  get controlUrl(): string {
    return this.addresses.control;
  }

  /** One call of the scenario by its path, such as `control('POST', '/createUser', { login: 'ada' })`. */
  control(method: string, to: string, body?: unknown): Promise<unknown> {
    return call(this.addresses.control, method, to, body);
  }

  /** Ends the process and removes its repositories. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }
}

async function call(control: string, method: string, to: string, body: unknown): Promise<unknown> {
  const reply = await fetch(`${control}${to}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`The double of GitHub refused ${to}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Adds the methods of `Scenario`: any other name is a call of that name. */
function withCalls<Target extends Pick<GithubDouble, 'control'>>(target: Target): Target & Calls {
  return new Proxy(target, {
    get(from, name) {
      // A promise resolves to what has no `then`.
      if (name in from || typeof name !== 'string' || name === 'then') {
        const value = Reflect.get(from, name, from) as unknown;
        return typeof value === 'function' ? value.bind(from) : value;
      }
      return (input: unknown) => from.control('POST', `/${name}`, input);
    },
  }) as Target & Calls;
}

async function firstLine(child: ChildProcess): Promise<string | undefined> {
  let text = '';
  child.stdout?.setEncoding('utf8');
  for await (const part of child.stdout ?? []) {
    text += part;
    if (text.includes('\n')) break;
  }
  return text.includes('\n') ? text.slice(0, text.indexOf('\n')) : undefined;
}
