import { existsSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOrder } from '@wherry/contract';
import type { PlannedFunction } from '@wherry/stack';
import { BuildFailure } from '../build-failure';
import { cacheKey, packagesWithScripts, planNpm, planPip, type DependencyPlan } from '../dependencies';
import { npmInstall, npmRunBuild, pipInstall, type ToolCommand, type ToolPaths } from '../install-command';
import type { Handler } from '../plan-build';
import { sizeOf, treeDigest, type TreeEntry } from '../tree';
import type { ArtifactStore } from './artifact-store';
import type { CachedTree, DependencyCache } from './dependency-cache';
import type { SandboxRunner, Step, StepOutput } from './sandbox-runner';
import type { Template } from './template-folder';
import { readTree, realFolder, writeTree, type Piece } from './tree-files';

/** One function that is to be built: `folder` is its handler in the checkout, `work` its own empty place. */
export type FunctionJob = Readonly<{
  planned: PlannedFunction;
  handler: Handler;
  template: Template;
  folder: string;
  work: string;
  output: StepOutput;
}>;

type Tools = Readonly<{
  order: BuildOrder;
  runner: SandboxRunner;
  cache: DependencyCache;
  artifacts: ArtifactStore;
  now: () => number;
}>;

const needsSandbox =
  'Such code runs in a sandbox only, and this machine has none. Install it (apt-get install bubblewrap), restart Wherry, and push again.';

/** What artifacts depend on besides their inputs. A key made with other tools is another key. */
export function toolchainOf(order: BuildOrder, lang: string): string[] {
  const python = '/usr/bin/python3';
  const tools = [lang, `node ${process.versions.node}`, process.platform, process.arch, order.sandbox.kind];
  return lang.startsWith('python') && existsSync(python) ? [...tools, readlinkOr(python)] : tools;
}

function readlinkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return path;
  }
}

/** Builds functions one by one, and shares between them what they install. */
export class FunctionBuilder {
  private readonly installing = new Map<string, Promise<CachedTree>>();

  constructor(private readonly tools: Tools) {}

  /** @returns the artifact's digest, `sha256:<hex>`. @throws BuildFailure */
  async build(job: FunctionJob): Promise<string> {
    // A builder that was killed may have been here before.
    await rm(job.work, { recursive: true, force: true });
    const plan = await this.planDependencies(job);
    const pieces = await this.assemble(job, plan);
    const entries = pieces.map((piece) => piece.entry);
    const { artifactMiB } = this.tools.order.limits;
    if (sizeOf(entries) > artifactMiB * 2 ** 20) {
      const size = Math.ceil(sizeOf(entries) / 2 ** 20);
      throw new BuildFailure(
        `The built function has ${size} MiB; at most ${artifactMiB} MiB are allowed. Remove dependencies or files.`,
      );
    }
    const hex = treeDigest(entries);
    await this.tools.artifacts.store(hex, pieces);
    return `sha256:${hex}`;
  }

  private async planDependencies(job: FunctionJob): Promise<DependencyPlan | null> {
    const { dependencies } = job.template.manifest.wherry;
    if (dependencies.kind === 'none') return null;
    const read = async (name: string | null): Promise<string | null> =>
      job.handler.entries.some((entry) => entry.kind === 'file' && entry.path === name)
        ? readFile(join(job.folder, name ?? ''), 'utf8')
        : null;
    const manifest = await read(dependencies.manifest);
    if (manifest === null) return null;
    const plan =
      dependencies.kind === 'npm'
        ? planNpm(manifest, await read(dependencies.lockfile), await read('.npmrc'))
        : planPip(manifest);
    if (plan.hasPackages && !plan.hasLockfile) {
      job.output(
        'system',
        `Versions of dependencies are not pinned by a lockfile; those found first stay until ${dependencies.manifest} changes.`,
      );
    }
    if (plan.runsScripts && !this.tools.runner.isSandboxed) {
      throw new BuildFailure(
        `${dependencies.manifest} has scripts that run while it is installed or built. ${needsSandbox}`,
      );
    }
    return plan;
  }

  private async assemble(job: FunctionJob, plan: DependencyPlan | null): Promise<Piece[]> {
    const { manifest, entries, folder } = job.template;
    const template = entries.map((entry): Piece => ({ entry, from: join(folder, entry.path), how: 'copy' }));
    if (plan && (plan.runsScripts || (plan.hasPackages && plan.inputs === null))) {
      return [...template, ...(await this.runInFolder(job, plan))];
    }
    const handler = handlerPieces(job);
    const { dependencies } = manifest.wherry;
    if (!plan?.inputs || !plan.hasPackages || dependencies.kind === 'none') return [...template, ...handler];
    const { target } = dependencies;
    const installed = await this.installed(job, plan, plan.inputs);
    const own = handler.filter(({ entry }) => entry.path !== target && !entry.path.startsWith(`${target}/`));
    return [...template, ...own, ...moved(installed, target, 'link')];
  }

  /** The packages for these inputs: from the tenant's cache, or installed now and taken into it. */
  private async installed(job: FunctionJob, plan: DependencyPlan, inputs: readonly string[]): Promise<CachedTree> {
    const { cache, now, order } = this.tools;
    const key = cacheKey(inputs, toolchainOf(order, job.planned.config.lang));
    const found = await cache.find(key, now());
    if (found) return found;
    const running = this.installing.get(key) ?? this.installAlone(job, plan, key);
    this.installing.set(key, running);
    return running;
  }

  /** Installs with nothing but the files that are part of the key in sight, so that the key tells the result. */
  private async installAlone(job: FunctionJob, plan: DependencyPlan, key: string): Promise<CachedTree> {
    const { dependencies } = job.template.manifest.wherry;
    if (dependencies.kind === 'none') throw new Error('nothing can be installed without dependencies');
    const npmrc = this.tools.runner.isSandboxed ? ['.npmrc'] : [];
    const names = new Set([dependencies.manifest, dependencies.lockfile, ...npmrc]);
    const context = join(job.work, 'install');
    const pieces = handlerPieces(job, (entry) => names.has(entry.path));
    await writeTree(context, pieces, { owner: this.tools.runner.owner, isDurable: false });
    await this.install(job, plan, context);
    const folder = await realFolder(context, dependencies.target);
    const what = `What ${dependencies.kind} installed for "${job.planned.name}"`;
    const entries = folder === null ? [] : await readTree(folder, what, this.tools.order.limits.artifactMiB);
    return this.tools.cache.takeIn(key, folder ?? context, entries);
  }

  private async install(job: FunctionJob, plan: DependencyPlan, context: string): Promise<void> {
    const { runner, order } = this.tools;
    const { dependencies } = job.template.manifest.wherry;
    if (dependencies.kind === 'none') return;
    const { isSandboxed } = runner;
    const npm = { hasLockfile: plan.hasLockfile, keepDev: plan.hasBuildScript, isSandboxed };
    const name = dependencies.kind === 'pip' ? 'pip install' : plan.hasLockfile ? 'npm ci' : 'npm install';
    job.output('system', `Installing the dependencies of ${dependencies.manifest} with "${name}".`);
    await this.step(job, name, context, (paths, app) =>
      dependencies.kind === 'npm'
        ? npmInstall(order.registries, paths, npm)
        : pipInstall(order.registries, paths, {
            manifest: dependencies.manifest,
            target: join(app, dependencies.target),
            isSandboxed,
          }),
    );
    if (dependencies.kind === 'npm' && !isSandboxed) await refuseScripts(join(context, dependencies.target));
  }

  /** Runs scripts of the function in a copy of its folder; what is there afterwards is the result. */
  private async runInFolder(job: FunctionJob, plan: DependencyPlan): Promise<Piece[]> {
    const { runner, order } = this.tools;
    const context = join(job.work, 'context');
    const { dependencies } = job.template.manifest.wherry;
    const target = dependencies.kind === 'none' ? '' : dependencies.target;
    const isOwn = ({ path }: TreeEntry): boolean => !inContext(job, path).startsWith(`${target}/`);
    const packages = plan.inputs && plan.hasPackages ? await this.installed(job, plan, plan.inputs) : null;
    const pieces = [...handlerPieces(job, isOwn), ...(packages ? moved(packages, target, 'copy') : [])];
    await writeTree(context, pieces, { owner: runner.owner, isDurable: false });
    if (plan.inputs === null) await this.install(job, plan, context);
    if (plan.hasBuildScript) {
      job.output('system', 'Running the build script of package.json with "npm run build".');
      await this.step(job, 'npm run build', context, (paths) => npmRunBuild(order.registries, paths));
    }
    const entries = await readTree(context, `The built function "${job.planned.name}"`, order.limits.artifactMiB);
    const templateFiles = new Set(job.template.entries.map((entry) => entry.path));
    // Scripts run by strangers must not replace the server that the template brings.
    const own = entries.filter((entry) => !templateFiles.has(entry.path));
    return own.map((entry) => ({ entry, from: join(context, entry.path), how: 'copy' }));
  }

  private step(
    job: FunctionJob,
    name: string,
    context: string,
    tool: (paths: ToolPaths, app: string) => ToolCommand,
  ): Promise<void> {
    const step: Step = {
      name: `"${name}"`,
      context,
      cwd: job.template.manifest.handler_folder,
      scratch: join(job.work, 'scratch'),
      variables: job.planned.buildArgs,
      tool,
    };
    return this.tools.runner.run(step, job.output);
  }
}

function inContext(job: FunctionJob, path: string): string {
  return `${job.template.manifest.handler_folder}/${path}`;
}

function handlerPieces(job: FunctionJob, filter: (entry: TreeEntry) => boolean = () => true): Piece[] {
  return job.handler.entries.filter(filter).map((entry) => ({
    entry: { ...entry, path: inContext(job, entry.path) },
    from: join(job.folder, entry.path),
    how: 'copy',
  }));
}

function moved(tree: CachedTree, target: string, how: Piece['how']): Piece[] {
  return tree.entries.map((entry) => ({
    entry: { ...entry, path: `${target}/${entry.path}` },
    from: join(tree.folder, entry.path),
    how,
  }));
}

async function refuseScripts(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const record = await readFile(join(target, '.package-lock.json'), 'utf8').catch(() => '{}');
  const names = packagesWithScripts(record);
  if (names.length === 0) return;
  throw new BuildFailure(`The package ${names.join(', ')} runs scripts while it is installed. ${needsSandbox}`);
}
