import { build } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { TemplateManifest } from '../../src/template-manifest';
import { callTo, type Call, type Reply } from './call';
import type { RunningFunction } from './runtime-contract';

const templates = path.resolve(import.meta.dirname, '..');

export type Files = Readonly<Record<string, string>>;

/** A function as the builder puts it together and the engine starts it, without a sandbox around it. */
export class TemplateProcess implements RunningFunction {
  output = '';
  readonly ended: Promise<number | null>;
  private readonly listeners = new Set<() => void>();

  private constructor(
    /** Holds the artifact in `app`, the socket, and what the handler under test keeps. */
    readonly folder: string,
    private readonly child: ChildProcess,
  ) {
    // 'close', not 'exit': by then all that it printed has arrived.
    this.ended = once(child, 'close').then(([code]) => code as number | null);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        for (const listener of this.listeners) listener();
      });
    }
  }

  /**
   * Starts it without waiting for anything. `files` are those of the handler's folder, or its path; `former` the folder
   * of a process that has ended.
   */
  static async spawn(lang: string, files: Files | string, env: Files = {}, former?: string): Promise<TemplateProcess> {
    const folder = former ?? mkdtempSync(path.join(tmpdir(), 'wherry-template-'));
    const app = path.join(folder, 'app');
    const manifest = await assemble(lang, app, files);
    const fill = (text: string) => text.replace('/opt/wherry/bin/node', process.execPath).replace('/home/app', app);
    const [program = '', ...args] = manifest.wherry.start.map(fill);
    const child = spawn(program, args, {
      cwd: app,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        fprocess: manifest.fprocess,
        WORK: folder,
        ...env,
        WHERRY_LISTEN: path.join(folder, 'http.sock'),
      },
    });
    return new TemplateProcess(folder, child);
  }

  /** Starts it and waits until it is healthy. @throws Error with its output when it ends before that. */
  static async start(lang: string, files: Files | string, env: Files = {}, former?: string): Promise<TemplateProcess> {
    const started = await TemplateProcess.spawn(lang, files, env, former);
    while (started.child.exitCode === null) {
      const reply = await started.call('/_/health').catch(() => null);
      if (reply?.status === 200) return started;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`The ${lang} function ended:\n${started.output}`);
  }

  call(target: string, call: Call = {}): Promise<Reply> {
    return callTo(path.join(this.folder, 'http.sock'), target, call);
  }

  async printed(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!this.output.includes(text)) return;
        this.listeners.delete(look);
        resolve();
      };
      this.listeners.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  stop(): void {
    this.signal('SIGTERM');
  }

  open(gate: string): void {
    writeFileSync(path.join(this.folder, gate), '');
  }

  has(file: string): boolean {
    return existsSync(path.join(this.folder, file));
  }

  async destroy(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const bundles = new Map<string, Promise<Uint8Array | null>>();

/** The template's own files and those of the handler, where the builder would put them. */
async function assemble(lang: string, app: string, files: Files | string): Promise<TemplateManifest> {
  const template = path.join(templates, lang);
  const manifest = TemplateManifest.parse(parse(readFileSync(path.join(template, 'template.yml'), 'utf8')));
  const handler = path.join(app, manifest.handler_folder);
  mkdirSync(handler, { recursive: true });
  if (!bundles.has(lang)) bundles.set(lang, bundle(template));
  const server = await bundles.get(lang);
  for (const file of manifest.wherry.files) {
    if (server && file === 'index.mjs') writeFileSync(path.join(app, file), server);
    else cpSync(path.join(template, file), path.join(app, file));
  }
  if (typeof files === 'string') cpSync(files, handler, { recursive: true });
  else {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(handler, name)), { recursive: true });
      writeFileSync(path.join(handler, name), text, { mode: 0o755 });
    }
  }
  return manifest;
}

async function bundle(template: string): Promise<Uint8Array | null> {
  const entry = path.join(template, 'index.ts');
  if (!existsSync(entry)) return null;
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    write: false,
  });
  return outputFiles[0]?.contents ?? null;
}
