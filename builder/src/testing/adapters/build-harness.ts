import { build as bundle } from 'esbuild';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { BuildEvent, type BuildOrder } from '@wherry/contract';
import { GitRemote, type Files } from './git-remote';

type Event<T extends BuildEvent['type']> = Extract<BuildEvent, { type: T }>;
export type Overrides = Readonly<Partial<Omit<BuildOrder, 'limits'>> & { limits?: Partial<BuildOrder['limits']> }>;
export type Registries = BuildOrder['registries'];

export const token = 'wrd_a-token-that-must-not-be-seen';
const root = resolve(import.meta.dirname, '../../../..');

/** What the templates need of a builder, small: a server file that says what it was given. */
const templates: Readonly<Record<string, string>> = {
  'node/index.mjs': 'console.log("server");\n',
  'node/template.yml': `language: node
fprocess: node index.mjs
wherry:
  start: ["/opt/wherry/bin/node", "/home/app/index.mjs"]
  files: [index.mjs]
  dependencies: {kind: npm, manifest: package.json, lockfile: package-lock.json, target: function/node_modules}
  handlers: [handler.js, handler.mjs, handler.cjs, index.js]
  executable: false
`,
  'python3-http/index.py': 'print("server")\n',
  'python3-http/template.yml': `language: python3-http
fprocess: python index.py
wherry:
  start: ["/usr/bin/python3", "/home/app/index.py"]
  files: [index.py]
  dependencies: {kind: pip, manifest: requirements.txt, lockfile: null, target: packages}
  handlers: [handler.py]
  executable: false
`,
  'bash/watchdog.mjs': 'console.log("watchdog");\n',
  'bash/template.yml': `language: bash
fprocess: ./handler.sh
wherry:
  start: ["/opt/wherry/bin/node", "/home/app/watchdog.mjs"]
  files: [watchdog.mjs]
  dependencies: {kind: none}
  handlers: [handler.sh]
  executable: true
`,
};

/** One finished build: its events by type and what it left. */
export class BuildOutcome {
  readonly events: readonly BuildEvent[];

  constructor(
    readonly exitCode: number | null,
    readonly durationMs: number,
    readonly raw: string,
    readonly stderr: string,
    private readonly artifacts: string,
  ) {
    this.events = raw
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => BuildEvent.parse(JSON.parse(line)));
  }

  all<T extends BuildEvent['type']>(type: T): Event<T>[] {
    return this.events.filter((event): event is Event<T> => event.type === type);
  }

  /** The reason of the failure, which must be the last event. */
  get failure(): string {
    const last = this.events.at(-1);
    if (last?.type !== 'failure') throw new Error(`The build did not fail:\n${this.raw}\n${this.stderr}`);
    return last.reason;
  }

  get functions(): Event<'result'>['functions'] {
    const last = this.events.at(-1);
    if (last?.type !== 'result') throw new Error(`The build did not succeed:\n${this.raw}\n${this.stderr}`);
    return last.functions;
  }

  /** The folder of the artifact of the only function, or of the one named. */
  artifact(name?: string): string {
    const found = this.functions.find((one) => name === undefined || one.name === name);
    return join(this.artifacts, (found?.artifactDigest ?? '').replace('sha256:', ''));
  }

  get log(): string {
    return this.all('log')
      .map(({ stream, text }) => `${stream}: ${text}`)
      .join('\n');
  }
}

/** A build that runs: for tests that end it. */
export type RunningBuild = Readonly<{ child: ChildProcess; work: string; outcome: Promise<BuildOutcome> }>;

/** Runs the real builder process against a real git remote, each build in a work folder of its own. */
export class BuildHarness {
  private count = 0;
  private readonly running = new Set<ChildProcess>();

  private constructor(
    readonly home: string,
    readonly remote: GitRemote,
    private readonly entry: string,
    private readonly registries: Registries,
  ) {}

  /** @param isReal whether functions get the product's own templates, instead of small ones that say what they got. */
  static async open(
    registries: Registries = { npm: 'https://registry.invalid/', pypi: 'https://index.invalid/simple' },
    isReal = false,
  ): Promise<BuildHarness> {
    const home = mkdtempSync(join(tmpdir(), 'wherry-builder-'));
    if (isReal) await buildTemplates(join(home, 'templates'));
    for (const [path, content] of Object.entries(isReal ? {} : templates)) {
      mkdirSync(dirname(join(home, 'templates', path)), { recursive: true });
      writeFileSync(join(home, 'templates', path), content);
    }
    for (const folder of ['builds', 'artifacts', 'cache/tenant-a', 'cache/tenant-b']) {
      mkdirSync(join(home, folder), { recursive: true });
    }
    // Within the checkout, because packages are found from there.
    const entry = join(root, `node_modules/.cache/wherry-builder-${process.pid}-${performance.now()}.mjs`);
    await bundle({
      ...{ entryPoints: [join(root, 'builder/src/main.ts')], outfile: entry, bundle: true, platform: 'node' },
      ...{ format: 'esm', packages: 'external', tsconfig: join(root, 'tsconfig.base.json'), logLevel: 'warning' },
    });
    const remote = await GitRemote.open(join(home, 'remote'), token);
    return new BuildHarness(home, remote, entry, registries);
  }

  async close(): Promise<void> {
    for (const child of this.running) child.kill('SIGKILL');
    await this.remote.close();
    rmSync(this.home, { recursive: true, force: true });
    rmSync(this.entry, { force: true });
  }

  async build(files: Files, overrides: Overrides = {}): Promise<BuildOutcome> {
    return this.start(files, overrides).outcome;
  }

  start(files: Files, overrides: Overrides = {}): RunningBuild {
    const source = { ...this.remote.commit('app', files), token };
    const work = join(this.home, 'builds', `dep_${++this.count}`);
    mkdirSync(work);
    const { limits, ...rest } = overrides;
    const order: BuildOrder = {
      ...this.order(work),
      source,
      ...rest,
      limits: { ...this.order(work).limits, ...limits },
    };
    writeFileSync(join(work, 'order.json'), JSON.stringify(order), { mode: 0o600 });
    const startedAt = performance.now();
    const child = spawn(process.execPath, [this.entry, join(work, 'order.json')], {
      env: { PATH: process.env.PATH ?? '' },
      cwd: work,
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    this.running.add(child);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const outcome = new Promise<BuildOutcome>((done) => {
      child.on('close', (code) => {
        this.running.delete(child);
        const file = join(work, 'events.ndjson');
        const raw = existsSync(file) ? readFileSync(file, 'utf8') : '';
        done(new BuildOutcome(code, performance.now() - startedAt, raw, stderr, join(this.home, 'artifacts')));
      });
    });
    return { child, work, outcome };
  }

  private order(work: string): Omit<BuildOrder, 'source'> {
    return {
      deploymentId: `dep_${this.count}`,
      tenantId: 'tenant-a',
      repositoryName: 'app',
      rootDir: '.',
      buildVariables: {},
      runtimeVariables: {},
      secretNames: [],
      known: [],
      sandbox: { kind: 'bubblewrap', uid: process.getuid?.() === 0 ? 200_001 : null },
      paths: {
        work,
        artifacts: join(this.home, 'artifacts'),
        cache: join(this.home, 'cache/tenant-a'),
        templates: join(this.home, 'templates'),
        node: join(root, 'node_modules/node-linux-' + process.arch, 'bin/node'),
        npmCli: join(root, 'node_modules/npm/bin/npm-cli.js'),
      },
      registries: this.registries,
      limits: {
        ...{ timeoutMs: 60_000, memoryMiB: 1_024, diskMiB: 512, logBytes: 1_000_000, artifactMiB: 128 },
        ...{ checkoutMiB: 64, parallel: 2 },
      },
    };
  }
}

/** The product's templates as they are shipped: each server in one file. */
async function buildTemplates(folder: string): Promise<void> {
  const from = join(root, 'builder/templates');
  for (const lang of ['node', 'python3-http', 'bash']) {
    const to = join(folder, lang);
    mkdirSync(to, { recursive: true });
    for (const file of ['Dockerfile', 'template.yml', 'index.py']) {
      if (existsSync(join(from, lang, file))) copyFileSync(join(from, lang, file), join(to, file));
    }
    if (!existsSync(join(from, lang, 'index.ts'))) continue;
    await bundle({
      ...{ entryPoints: [join(from, lang, 'index.ts')], outfile: join(to, 'index.mjs'), bundle: true },
      ...{ platform: 'node', format: 'esm', target: 'node26', logLevel: 'warning' },
    });
  }
}

/** Resolves when the file has the text. */
export function untilFileHas(file: string, text: string): Promise<void> {
  return new Promise((done) => {
    const look = (): void => {
      if (!existsSync(file) || statSync(file).size === 0 || !readFileSync(file, 'utf8').includes(text)) return;
      watcher.close();
      done();
    };
    const watcher = watch(dirname(file), look);
    look();
  });
}

/** The registries that this machine is set up for. Nothing here knows their names. */
export function configuredRegistries(): Registries {
  const ask = (file: string, args: string[]): string => {
    try {
      return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return '';
    }
  };
  const npm = ask('npm', ['config', 'get', 'registry']);
  const pypi = ask('/usr/bin/python3', ['-m', 'pip', 'config', 'get', 'global.index-url']);
  return { npm: npm || 'https://registry.npmjs.org/', pypi: pypi || 'https://pypi.org/simple' };
}

export const hasBubblewrap = existsSync('/usr/bin/bwrap');
