import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionJob } from '../artifact-builder';
import { planNpm, planPip, type DependencyPlan } from '../dependencies';
import type { TreeEntry } from '../tree';
import type { Piece } from './tree-files';

/**
 * What installing the function's dependencies takes; null when there are none. Tells the developer of versions that
 * nothing pins.
 * @throws BuildFailure when the manifest cannot be read.
 */
export async function readDependencyPlan(job: FunctionJob): Promise<DependencyPlan | null> {
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
  return plan;
}

/** Where a file of the handler is in the artifact. */
export function inContext(job: FunctionJob, path: string): string {
  const { handler_folder: folder } = job.template.manifest;
  return folder === '.' ? path : `${folder}/${path}`;
}

/** The files of the handler, where they are in the artifact. */
export function handlerPieces(job: FunctionJob, filter: (entry: TreeEntry) => boolean = () => true): Piece[] {
  return job.handler.entries.filter(filter).map((entry) => ({
    entry: { ...entry, path: inContext(job, entry.path) },
    from: join(job.folder, entry.path),
    how: 'copy',
  }));
}
