import { createHash } from 'node:crypto';
import type { RevisionConfig } from '@wherry/domain';
import type { PlannedFunction } from '@wherry/stack';
import { BuildFailure } from './build-failure';
import type { TemplateManifest } from './template-manifest';
import type { SourceEntry } from './source-tree';
import { treeDigest, type TreeEntry } from './tree';

/** The files of a function's handler, relative to its folder. */
export type Handler = Readonly<{ entries: readonly TreeEntry[] }>;

/**
 * @param source the commit's entries below the root of the stack.
 * @throws BuildFailure when the handler's folder does not exist, or is or goes through a symbolic link.
 */
export function checkHandlerFolder(planned: PlannedFunction, source: readonly SourceEntry[]): void {
  const { handler } = planned;
  const link = source.find(
    ({ mode, path }) => mode === '120000' && (handler === path || handler.startsWith(`${path}/`)),
  );
  if (link)
    throw new BuildFailure(`${about(planned)} "${handler}" goes through the link "${link.path}". Name a real folder.`);
  if (handler !== '.' && !source.some(({ path }) => path.startsWith(`${handler}/`))) {
    throw new BuildFailure(
      `${about(planned)} "${handler}" is not a folder of the commit. Create it and commit a file in it.`,
    );
  }
}

/** @throws BuildFailure when the handler lacks what its template starts. */
export function handlerOf(planned: PlannedFunction, inside: readonly TreeEntry[], manifest: TemplateManifest): Handler {
  const paths = new Set(inside.map((entry) => entry.path));
  const { handlers, executable } = manifest.wherry;
  const hasOwnCommand = executable && planned.fprocess !== null;
  if (!hasOwnCommand && handlers.length > 0 && !handlers.some((name) => paths.has(name))) {
    throw new BuildFailure(
      `${about(planned)} "${planned.handler}" has no ${handlers.join(' or ')}. A ${manifest.language} function starts there.`,
    );
  }
  return { entries: executable ? withExecutable(planned, inside, commandOf(planned, manifest)) : inside };
}

/**
 * A command such as `./handler.sh` must be there, and is made executable: git on some systems cannot record the bit.
 */
function withExecutable(
  planned: PlannedFunction,
  entries: readonly TreeEntry[],
  command: string,
): readonly TreeEntry[] {
  const [program = ''] = command.split(' ');
  if (!program.startsWith('./')) return entries;
  const path = program.slice(2);
  if (!entries.some((entry) => entry.path === path)) {
    throw new BuildFailure(`${about(planned)} has no "${path}", which fprocess starts. Add it or change fprocess.`);
  }
  return entries.map((entry) =>
    entry.path === path && entry.kind === 'file' ? { ...entry, executable: true } : entry,
  );
}

function about(planned: PlannedFunction): string {
  return `Function "${planned.name}": the handler`;
}

function commandOf(planned: PlannedFunction, manifest: TemplateManifest): string {
  return planned.fprocess ?? manifest.fprocess;
}

/** The revision's configuration: what the stack says and what the template adds. */
export function revisionConfig(planned: PlannedFunction, manifest: TemplateManifest): RevisionConfig {
  const command = commandOf(planned, manifest);
  return {
    ...planned.config,
    environment: { ...planned.config.environment, ...(command !== '' && { fprocess: command }) },
    start: manifest.wherry.start,
  };
}

/**
 * Names what an artifact is made from, in hex: equal hashes need no second build. Configuration that only decides how
 * the artifact runs is not in it. Build arguments are: a build script sees them.
 */
export function inputHash(
  handler: Handler,
  template: Readonly<{ name: string; digest: string }>,
  buildArgs: Readonly<Record<string, string>>,
  toolchain: readonly string[],
): string {
  const args = Object.entries(buildArgs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const parts = ['wherry-input-1', treeDigest(handler.entries), template.name, template.digest, args, toolchain];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** What is told of untrusted code whose functions want secrets: it is built and run without them. */
export function withheldNotes(functions: readonly PlannedFunction[]): string[] {
  return functions
    .filter(({ config }) => config.secrets.length > 0)
    .map(
      ({ name, config }) =>
        `The function "${name}" is given none of its secrets (${config.secrets.join(', ')}): nobody who may write to the repository has approved this commit.`,
    );
}

/** @throws BuildFailure naming every secret that functions want and their environment has not. */
export function checkSecrets(functions: readonly PlannedFunction[], existing: readonly string[]): void {
  const missing = functions.flatMap(({ name, config }) =>
    config.secrets.filter((secret) => !existing.includes(secret)).map((secret) => `"${secret}" (function ${name})`),
  );
  if (missing.length === 0) return;
  throw new BuildFailure(
    `These secrets do not exist: ${missing.join(', ')}. Create them in the dashboard, those of a preview in its own environment, then push again.`,
  );
}
