import { createHash } from 'node:crypto';
import type { BuiltFunction, ResultDecision, ResultState } from '@wherry/db';

type Resolved = Extract<ResultDecision, { functions: unknown }>['functions'][number];

/**
 * What a finished build becomes. A function belongs to the (repository, root directory) that named it first, until it
 * leaves that stack; an unchanged one keeps its revision; nothing is released that is served already, or while
 * production is pinned.
 */
export function decideResult(state: ResultState, built: readonly BuiltFunction[]): ResultDecision {
  const taken = built.flatMap((each) => {
    const owner = state.functions.find((row) => row.name === each.name && !row.isRemoved);
    return owner && !isOwn(state, owner) ? [{ name: each.name, owner }] : [];
  });
  if (taken.length > 0) return { kind: 'failed', reason: taken.map(takenReason).join(' ') };
  const functions = built.map((each) => resolve(state, each));
  if (state.pinnedCommitSha !== null) {
    const pinned = state.pinnedCommitSha.slice(0, 7);
    const reason = `It was built, but production is pinned to ${pinned} by a rollback. Resume releases to deploy it.`;
    return { kind: 'skip', reason, functions };
  }
  if (isServed(state, functions) && !state.isReleasing) {
    return { kind: 'skip', reason: nothingNew(state), functions };
  }
  return { kind: 'release', reason: null, functions };
}

function nothingNew({ liveCommitSha }: ResultState): string {
  if (liveCommitSha === null) return 'There are no functions to deploy, and none is live.';
  return `Nothing changed since ${liveCommitSha.slice(0, 7)}, which is live.`;
}

/** Equal configurations have equal hashes, whatever the order of their keys. `value` is JSON. */
export function configHash(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
}

type FunctionRow = ResultState['functions'][number];

function isOwn(state: ResultState, row: FunctionRow): boolean {
  return row.repositoryId === state.repositoryId && row.rootDir === state.rootDir;
}

function takenReason({ name, owner }: { name: string; owner: FunctionRow }): string {
  const place = owner.rootDir === '.' ? '' : ` (in ${owner.rootDir})`;
  return (
    `The function name "${name}" belongs to the repository "${owner.repositoryName}"${place}. ` +
    'Choose another name, or remove the function there first.'
  );
}

/** The function's row, a removed one of the same owner included, and the newest revision that is exactly this. */
function resolve(state: ResultState, built: BuiltFunction): Resolved {
  const rows = state.functions.filter((row) => row.name === built.name && isOwn(state, row));
  const row = rows.find((each) => !each.isRemoved) ?? rows[0];
  if (!row) {
    const ids = { functionId: built.newFunctionId, revisionId: built.newRevisionId };
    return { built, ...ids, isNewFunction: true, isNewRevision: true };
  }
  const revision = state.revisions.find(
    (each) =>
      each.functionId === row.id &&
      // Images, and where they run, are of one trust level.
      each.trust === state.trust &&
      each.inputHash === built.inputHash &&
      each.artifactDigest === built.artifactDigest &&
      each.configHash === built.configHash,
  );
  return {
    built,
    functionId: row.id,
    isNewFunction: false,
    revisionId: revision?.id ?? built.newRevisionId,
    isNewRevision: revision === undefined,
  };
}

/** Whether the live deployment's routes are exactly these revisions: nothing new, nothing changed, nothing left. */
function isServed(state: ResultState, functions: readonly Resolved[]): boolean {
  if (functions.length !== state.routes.length) return false;
  if (state.routes.some((route) => route.deploymentId !== state.liveDeploymentId)) return false;
  const served = new Map(state.routes.map((route) => [route.functionId, route.revisionId]));
  return functions.every((each) => served.get(each.functionId) === each.revisionId);
}
