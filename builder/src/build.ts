import { existsSync, readFileSync, statSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildEvent, BuildOrder } from '@wherry/contract';
import type { RevisionConfig } from '@wherry/domain';
import {
  parseStack,
  planWithoutStack,
  StackError,
  stackFileNames,
  type PlannedFunction,
  type StackPlan,
} from '@wherry/stack';
import { ArtifactStore } from './adapters/artifact-store';
import { DependencyCache } from './adapters/dependency-cache';
import type { EventLog } from './adapters/event-log';
import { FunctionBuilder } from './adapters/function-builder';
import { fetchSource } from './adapters/git-source';
import { SandboxRunner } from './adapters/sandbox-runner';
import { readTemplate, templateNames, type Template } from './adapters/template-folder';
import { readTree } from './adapters/tree-files';
import type { ArtifactBuilder } from './artifact-builder';
import { asNoRoom, BuildFailure } from './build-failure';
import { dockerfileLanguage, dockerfileTemplate, languagesOf } from './dockerfile-language';
import { mapLimited } from './map-limited';
import { checkHandlerFolder, checkSecrets, handlerOf, inputHash, revisionConfig, withheldNotes } from './plan-build';
import type { SourceEntry } from './source-tree';
import { linkLeaves } from './tree';

export type Ports = Readonly<{
  events: EventLog;
  /** Aborted with the BuildFailure that ends the build: cancelled, too long, too large. */
  signal: AbortSignal;
  now: () => number;
  /** Where git is looked for. */
  path: string;
  isRoot: boolean;
}>;
/** A function as it is reported, except that nothing here changes it. */
type Result = Readonly<Omit<Reported, 'config'> & { config: RevisionConfig }>;
type Reported = Extract<BuildEvent, { type: 'result' }>['functions'][number];
/** The stack's root: a folder of the checkout and the commit's entries below it. */
type Source = Readonly<{ folder: string; entries: readonly SourceEntry[] }>;
const maxTextBytes = 256 * 1024;

/**
 * Does one build: fetch, plan, build. All functions or none.
 * @throws BuildFailure or StackError, whose messages are for the developer; anything else is a fault of the builder.
 */
export async function build(order: BuildOrder, ports: Ports): Promise<Result[]> {
  const { events } = ports;
  events.emit({ type: 'step', name: 'fetch', detail: `Fetching commit ${order.source.commitSha.slice(0, 7)}.` });
  const languages = templateNames(order.paths.templates);
  const builder = openBuilder(order, ports);
  // Its failure is met when it is awaited.
  builder.catch(() => undefined);
  const fetched = await fetchSource(order, { ...ports, onLine: (text) => events.output(null, 'stderr', text) });
  await checkLinks(fetched);
  const source = rootOf(fetched, order.rootDir);
  const plan = planStack(order, source, await languages);
  for (const text of plan.notes) events.emit({ type: 'note', text });
  if (order.secretNames !== null) checkSecrets(plan.functions, order.secretNames);
  else for (const text of withheldNotes(plan.functions)) events.emit({ type: 'note', text });
  for (const planned of plan.functions) checkHandlerFolder(planned, source.entries);
  checkPointers(plan.functions, source);
  const names = plan.functions.map(({ name }) => name);
  events.emit({ type: 'step', name: 'plan', detail: `Functions: ${names.join(', ') || 'none'}.` });
  events.emit({ type: 'functions', names, handlers: plan.functions.map(({ handler }) => handler) });
  if (names.length === 0) return [];
  const templates = await readTemplates(order, plan.functions);
  events.emit({
    type: 'step',
    name: 'build',
    detail: `Building ${names.length === 1 ? 'one function' : `${names.length} functions`}.`,
  });
  const context: Context = { order, ports, source, templates, builder: await builder };
  return mapLimited(plan.functions, order.limits.parallel, (planned, index) => buildOne(context, planned, index));
}

type Context = Readonly<{
  order: BuildOrder;
  ports: Ports;
  source: Source;
  templates: ReadonlyMap<string, Template>;
  builder: ArtifactBuilder;
}>;

async function openBuilder(order: BuildOrder, ports: Ports): Promise<ArtifactBuilder> {
  if (order.buildkit) {
    // Loaded only here: its client of the registry would cost a small build on one machine a third of its time.
    const { ImageBuilder } = await import('./adapters/image-builder');
    return new ImageBuilder({ order, buildkit: order.buildkit, signal: ports.signal });
  }
  const artifacts = new ArtifactStore(order.paths.artifacts, order.deploymentId);
  const cache = new DependencyCache(order.paths.cache, order.deploymentId);
  const runner = new SandboxRunner(order, ports.signal, ports.isRoot);
  return new FunctionBuilder({ order, runner, cache, artifacts, now: ports.now });
}

/** Reports one function whatever becomes of it, and names it in its failure. */
async function buildOne(context: Context, planned: PlannedFunction, index: number): Promise<Result> {
  const { events, now, signal } = context.ports;
  const { name } = planned;
  const startedAt = now();
  try {
    signal.throwIfAborted();
    const result = await buildOrReuse(context, planned, index);
    events.emit({ type: 'function', name, status: result.isReused ? 'reused' : 'built' });
    const { inputHash, artifactDigest, config } = result;
    return { name, inputHash, artifactDigest, config, buildMs: Math.round(now() - startedAt) };
  } catch (fault) {
    // What was stopped from outside is reported for the build, not as the function's own failure.
    if (signal.aborted) throw signal.reason;
    const error: unknown = asNoRoom(fault) ?? fault;
    const isExpected = error instanceof BuildFailure;
    const reason = isExpected ? error.message : 'The builder failed; the operator finds the cause in its log.';
    events.emit({ type: 'function', name, status: 'failed', reason });
    if (!isExpected || reason.startsWith('Function "')) throw error;
    throw new BuildFailure(`Function "${name}": ${reason}`);
  }
}

type Built = Readonly<{ isReused: boolean } & Pick<Result, 'inputHash' | 'artifactDigest' | 'config'>>;

async function buildOrReuse(context: Context, planned: PlannedFunction, index: number): Promise<Built> {
  const { order, source, ports, builder } = context;
  const {
    name,
    config: { lang },
  } = planned;
  const template = context.templates.get(lang);
  if (!template) throw new Error(`The template ${lang} was not read.`);
  const folder = join(source.folder, planned.handler);
  const inside = await readTree(folder, `The handler of "${name}"`, order.limits.checkoutMiB);
  const handler = handlerOf(planned, inside, template.manifest);
  const named = { name: lang, digest: template.digest };
  const hash = inputHash(handler, named, planned.buildArgs, await builder.toolchain(lang));
  const config = revisionConfig(planned, template.manifest);
  const known = order.known.find((one) => one.inputHash === hash);
  if (known && (await builder.has(name, known.artifactDigest))) {
    return { isReused: true, inputHash: hash, artifactDigest: known.artifactDigest, config };
  }
  ports.events.emit({ type: 'function', name, status: 'building' });
  const work = join(order.paths.work, `f${index}`);
  const output = ports.events.output.bind(ports.events, name);
  const artifactDigest = await builder.build({ planned, handler, template, folder, work, output });
  return { isReused: false, inputHash: hash, artifactDigest, config };
}

/** No link of the commit may lead out of it, also where no function reads it. */
async function checkLinks(source: Source): Promise<void> {
  for (const { mode, path } of source.entries) {
    if (mode !== '120000') continue;
    const target = await readlink(join(source.folder, path));
    if (linkLeaves(path, target)) {
      throw new BuildFailure(
        `The link "${path}" → "${target}" may lead out of the repository. Replace it with a copy of the file.`,
      );
    }
  }
}

function rootOf(source: Source, rootDir: string): Source {
  if (rootDir === '.' || rootDir === '') return source;
  const prefix = `${rootDir}/`;
  const entries = source.entries
    .filter(({ path }) => path.startsWith(prefix))
    .map((entry) => ({ ...entry, path: entry.path.slice(prefix.length) }));
  if (entries.length === 0)
    throw new BuildFailure(`The commit has no folder "${rootDir}", which is the root of this deployment.`);
  return { folder: join(source.folder, rootDir), entries };
}

function planStack(order: BuildOrder, source: Source, languages: readonly string[]): StackPlan {
  const regular = source.entries.filter(({ mode }) => mode !== '120000').map(({ path }) => path);
  const files = new Set(regular);
  const [file, other] = stackFileNames.filter((name) => files.has(name));
  const shared = { ...languagesOf(order, languages), runtimeVariables: order.runtimeVariables };
  if (file === undefined) {
    const link = stackFileNames.find((name) => existsSync(join(source.folder, name)));
    if (link) throw new BuildFailure(`"${link}" is a link. Replace it with the file itself.`);
    const top = regular.filter((path) => !path.includes('/'));
    return planWithoutStack({ ...shared, repositoryName: order.repositoryName, files: top });
  }
  const readFile = (path: string): string => {
    if (!files.has(path))
      throw new StackError(`The environment file "${path}" is not a file of the commit. Add it or remove its name.`);
    return readText(join(source.folder, path), path);
  };
  const text = readText(join(source.folder, file), file);
  const plan = parseStack({ ...shared, text, file, buildVariables: order.buildVariables, readFile });
  const notes = other === undefined ? plan.notes : [`${other} is not used, because there is a ${file}.`, ...plan.notes];
  return { ...plan, notes };
}

/** What a pointer file begins with, and how large it may be. Git LFS specification, "The Pointer". */
const pointerStart = /^version https:\/\/[\w.-]+\/spec\/v\d/;
const maxPointerBytes = 1_024;
const mostNamed = 5;

/**
 * Git LFS keeps files elsewhere: what is fetched, and would be deployed, are small texts that stand for them. A function
 * made of them would break when it is called, so it is not built.
 * @throws BuildFailure naming such files of the handlers.
 */
function checkPointers(functions: readonly PlannedFunction[], { folder, entries }: Source): void {
  const isDeployed = (path: string): boolean =>
    functions.some(({ handler }) => handler === '.' || path.startsWith(`${handler}/`));
  const pointers = entries
    .filter(({ mode, path, bytes }) => mode !== '120000' && bytes < maxPointerBytes && isDeployed(path))
    .map(({ path }) => path)
    .filter((path) => isPointer(readFileSync(join(folder, path), 'utf8')));
  if (pointers.length === 0) return;
  const named = pointers.slice(0, mostNamed).map((path) => `"${path}"`);
  const more = pointers.length > mostNamed ? ` and ${pointers.length - mostNamed} more` : '';
  throw new BuildFailure(
    `Only pointers of these files are in the commit, because Git LFS keeps them elsewhere: ${named.join(', ')}${more}. ` +
      'Git LFS is not supported: commit the files themselves (git lfs migrate export), or move them out of the handler.',
  );
}

function isPointer(text: string): boolean {
  return pointerStart.test(text) && /^oid sha256:[0-9a-f]{64}$/m.test(text);
}

function readText(path: string, name: string): string {
  if (statSync(path).size > maxTextBytes)
    throw new StackError(`${name} is larger than ${maxTextBytes / 1024} KiB. Make it smaller.`);
  return readFileSync(path, 'utf8');
}

async function readTemplates(order: BuildOrder, functions: readonly PlannedFunction[]): Promise<Map<string, Template>> {
  const langs = [...new Set(functions.map(({ config }) => config.lang))];
  const read = await Promise.all(
    langs.map((lang) => (lang === dockerfileLanguage ? dockerfileTemplate : readTemplate(order.paths.templates, lang))),
  );
  return new Map(langs.map((lang, index) => [lang, read[index] as Template]));
}
