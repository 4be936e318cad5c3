import { isFinished, type TrustLevel } from '@wherry/domain';
import type { PlanDecision, PlanState, SkipCause } from '@wherry/db';
import type { CommitChecks, Head } from '../source/source';

const skipTokens = ['[skip wherry]', '[skip ci]', '[ci skip]', '[no ci]'];

/** When a redeploy was asked for, in epoch milliseconds; null for a push. */
export type ForcedAt = number | null;

/** What is known of a head besides its commit. */
export type PlanFacts = Readonly<{
  trust: TrustLevel;
  /** Why this code is not built at all; null when it may be. */
  refusal: string | null;
  /** Why there is nothing to deploy; null when there may be something. */
  nothingThere: string | null;
  /**
   * Whether anything that this root directory cares for has changed since `since`, the commit that was live when this
   * was found out (null: none). Left out without path filters.
   */
  changes?: Readonly<{ since: string | null; areWanted: boolean }>;
  /** What other checks say when it waits for them. Null: it does not wait. `none`: and none will come any more. */
  checks: CommitChecks | null;
}>;

export const plainFacts: PlanFacts = { trust: 'trusted', refusal: null, nothingThere: null, checks: null };

/**
 * What becomes of the head. Deciding twice about the same head gives nothing new, so plan jobs may run twice and in any
 * order. Only a redeploy that was asked for builds a commit again.
 * @param facts null when nothing was found out, because the head seemed to be handled.
 */
export function decidePlan(
  state: PlanState,
  head: Head,
  forcedAt: ForcedAt,
  facts: PlanFacts | null = plainFacts,
): PlanDecision {
  const { newest } = state;
  const same = newest?.commitSha === head.commitSha && newest.treeSha === head.treeSha ? newest : null;
  // A commit that was let run since is another matter than the same one that was not.
  const wasLetRun = same?.trust === 'untrusted' && facts?.trust === 'trusted';
  const isForced = forcedAt !== null && (wasLetRun || same === null || same.createdAtMs < forcedAt);
  if (same !== null) {
    const isOver = !wasLetRun && !isForced && !mayPass(same.skipCause);
    if (isOver || !isFinished(same.status)) return { kind: 'nothing', isKept: true };
  }
  if (facts === null) return { kind: 'again' };
  const decision = decideAnew(state, head, isForced, facts);
  const wasSaid = decision.kind === 'skip' && decision.cause !== undefined && decision.cause === same?.skipCause;
  return wasSaid && !isForced ? { kind: 'nothing', isKept: true } : decision;
}

/** Whether what a commit was skipped for may change without another commit. */
export function mayPass(cause: SkipCause | null): boolean {
  return cause !== null && cause !== 'nothing there';
}

function decideAnew(state: PlanState, head: Head, isForced: boolean, facts: PlanFacts): PlanDecision {
  if (facts.refusal !== null) {
    return { kind: 'skip', reason: facts.refusal, supersedes: true, cause: 'outsider' };
  }
  if (isForced) return { kind: 'build' };
  return skipOf(state, head, facts) ?? { kind: 'build' };
}

/** Why the head is not built; null when it is. */
function skipOf(state: PlanState, head: Head, facts: PlanFacts): PlanDecision | null {
  const { live, newest } = state;
  const words = (head.words ?? head.message).toLowerCase();
  const skipToken = skipTokens.find((token) => words.includes(token));
  if (skipToken !== undefined) {
    // What was pushed before was not withdrawn: it goes on.
    if (head.pull?.title.toLowerCase().includes(skipToken)) {
      const reason = `The title of the pull request asks for it: ${skipToken}.`;
      return { kind: 'skip', reason, supersedes: false, cause: 'title' };
    }
    return { kind: 'skip', reason: `The commit message asks for it: ${skipToken}.`, supersedes: false };
  }
  if (facts.nothingThere !== null && live === null) {
    // Said once: a repository that has nothing for us is not told so with every push.
    if (newest?.skipCause === 'nothing there') return { kind: 'nothing' };
    return { kind: 'skip', reason: facts.nothingThere, supersedes: true, cause: 'nothing there' };
  }
  if (facts.checks?.state === 'pending') return { kind: 'nothing', isKept: true };
  if (facts.checks?.state === 'failed') {
    const reason = `It waits for other checks, and "${facts.checks.name}" failed. Make it pass, or redeploy.`;
    return { kind: 'skip', reason, supersedes: false, cause: 'checks' };
  }
  if (state.isReleasing) return null;
  if (live && live.treeSha === head.treeSha) {
    return {
      kind: 'skip',
      reason: `Nothing changed since ${live.commitSha.slice(0, 7)}, which is live.`,
      supersedes: true,
    };
  }
  return unwanted(state, facts);
}

function unwanted({ live }: PlanState, { changes }: PlanFacts): PlanDecision | null {
  if (changes === undefined) return null;
  if (changes.since !== (live?.commitSha ?? null)) return { kind: 'again' };
  if (changes.areWanted) return null;
  const since = live ? `since ${live.commitSha.slice(0, 7)}, which is live` : 'compared with the base branch';
  return { kind: 'skip', reason: `Nothing that its paths name has changed ${since}.`, supersedes: true };
}
