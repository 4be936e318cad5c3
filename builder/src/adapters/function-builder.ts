import { existsSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOrder } from '@wherry/contract';
import type { ArtifactBuilder, FunctionJob } from '../artifact-builder';
import { BuildFailure } from '../build-failure';
import { cacheKey, packagesWithScripts, type DependencyPlan } from '../dependencies';
import { npmInstall, npmRunBuild, pipInstall, type ToolCommand, type ToolPaths } from '../install-command';
import { sizeOf, treeDigest, type TreeEntry } from '../tree';
import type { ArtifactStore } from './artifact-store';
import type { CachedTree, DependencyCache } from './dependency-cache';
import { handlerPieces, inContext, readDependencyPlan } from './function-files';
import type { SandboxRunner, Step } from './sandbox-runner';
import { readTree, realFolder, writeTree, type Piece } from './tree-files';

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
function toolchainOf(order: BuildOrder, lang: string): string[] {
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
export class FunctionBuilder implements ArtifactBuilder {
  private readonly installing = new Map<string, Promise<CachedTree>>();

  constructor(private readonly tools: Tools) {}

  toolchain(lang: string): Promise<string[]> {
    return Promise.resolve(toolchainOf(this.tools.order, lang));
  }

  has(_functionName: string, artifactDigest: string): Promise<boolean> {
    return this.tools.artifacts.has(artifactDigest.replace('sha256:', ''));
  }

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
    const plan = await readDependencyPlan(job);
    const { dependencies } = job.template.manifest.wherry;
    if (plan === null || dependencies.kind === 'none') return null;
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
      variables: { ...job.planned.buildArgs, ...job.planned.buildSecrets },
      tool,
    };
    return this.tools.runner.run(step, job.output);
  }
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
