import { isDeletion, type Refusal, type RefUpdate } from '../protocol/receive-pack';

const branches = 'refs/heads/';
const tags = 'refs/tags/';
const maxRefLength = 200;

/** The branch of a full ref name, or null when it is no branch. */
export function branchOf(ref: string): string | null {
  return ref.startsWith(branches) ? ref.slice(branches.length) : null;
}

export function refOfBranch(branch: string): string {
  return `${branches}${branch}`;
}

/**
 * The production branch of a repository that has none yet: `main` when it is there, else the first branch.
 * @param refs full names, in the order they were pushed.
 */
export function chooseProduction(refs: readonly string[]): string | null {
  if (refs.includes(refOfBranch('main'))) return 'main';
  return refs.map(branchOf).find((branch) => branch !== null) ?? null;
}

/** Why this update is not allowed, as git prints it behind the ref, or null when it is. */
function problemOf(update: RefUpdate, productionBranch: string | null): string | null {
  if (!update.ref.startsWith(branches) && !update.ref.startsWith(tags)) return 'only branches and tags can be pushed';
  if (!isSaneRef(update.ref)) return 'the name is too long or has characters that are not allowed';
  if (isDeletion(update) && productionBranch !== null && update.ref === refOfBranch(productionBranch)) {
    return 'the production branch cannot be deleted';
  }
  return null;
}

/** The rules of git-check-ref-format, a length, and no character that a terminal would obey. */
export function isSaneRef(ref: string): boolean {
  if (ref.length > maxRefLength || ref.includes('..') || ref.includes('@{')) return false;

  if (/[\u0000- ~^:?*[\\\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufffd]/.test(ref)) return false;
  return ref.split('/').every((part) => part !== '' && !/^\.|\.lock$|\.$/.test(part));
}

/**
 * Judges a push as a whole: one refused ref refuses all, so that nobody has to find out which half arrived.
 * @param productionBranch the stored one, null before the first push.
 * @returns null when all is allowed.
 */
export function judgePush(updates: readonly RefUpdate[], productionBranch: string | null): Refusal | null {
  const problems = new Map<string, string>();
  const seen = new Set<string>();
  for (const update of updates) {
    const problem = seen.has(update.ref) ? 'the ref is updated twice' : problemOf(update, productionBranch);
    seen.add(update.ref);
    if (problem !== null) problems.set(update.ref, problem);
  }
  if (problems.size === 0) return null;
  const explanation = [...problems].map(([ref, problem]) => `${printable(ref)}: ${problem}.`).slice(0, 20);
  if ([...problems.values()].includes('the production branch cannot be deleted')) {
    explanation.push('Make another branch the production branch in the dashboard first, then delete this one.');
  }
  explanation.push('Nothing of this push was stored.');
  return {
    reasons: withReasons(updates, (ref) => problems.get(ref) ?? 'another ref of this push was refused'),
    explanation,
  };
}

/** Refuses every ref of a push for one reason. */
export function refuseAll(updates: readonly RefUpdate[], reason: string, explanation: readonly string[]): Refusal {
  return {
    reasons: withReasons(updates, () => reason),
    explanation: [...explanation, 'Nothing of this push was stored.'],
  };
}

function withReasons(updates: readonly RefUpdate[], reason: (ref: string) => string): Map<string, string> {
  return new Map(updates.map(({ ref }) => [ref, reason(ref)]));
}

function printable(ref: string): string {
  return ref.slice(0, maxRefLength).replace(/[^\u0021-\u007e]/g, '?');
}

/** What people are told about landed refs that make no deployment. */
export function notDeployedLines(landed: readonly RefUpdate[], productionBranch: string | null): string[] {
  return landed.flatMap((update) => {
    const branch = branchOf(update.ref);
    if (branch !== null && branch === productionBranch) return [];
    const name = branch ?? `tag ${update.ref.slice(tags.length)}`;
    if (isDeletion(update)) return [`${name}: deleted.`];
    const which =
      productionBranch === null ? 'there is no production branch yet' : `only ${productionBranch} is deployed`;
    return [`${name}: stored, not deployed yet: ${which}.`];
  });
}
