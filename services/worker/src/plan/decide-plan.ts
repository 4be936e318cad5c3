import { isFinished } from '@wherry/domain';
import type { PlanDecision, PlanState } from '@wherry/db';
import type { Head } from '../source/source';

const skipTokens = ['[skip wherry]', '[skip ci]', '[ci skip]', '[no ci]'];

/** When a redeploy was asked for, in epoch milliseconds; null for a push. */
export type ForcedAt = number | null;

/**
 * What becomes of the head. Deciding twice about the same head gives nothing new, so plan jobs may run twice and in any
 * order. Only a redeploy that was asked for builds a commit again.
 */
export function decidePlan(state: PlanState, head: Head, forcedAt: ForcedAt): PlanDecision {
  const { newest, live } = state;
  if (newest && newest.commitSha === head.commitSha) {
    const wasAnswered = forcedAt === null || newest.createdAtMs >= forcedAt;
    if (wasAnswered || !isFinished(newest.status)) return { kind: 'nothing' };
  }
  if (forcedAt !== null) return { kind: 'build' };
  const skipToken = skipTokens.find((token) => head.message.toLowerCase().includes(token));
  if (skipToken !== undefined) {
    // What was pushed before was not withdrawn: it goes on.
    return { kind: 'skip', reason: `The commit message asks for it: ${skipToken}.`, supersedes: false };
  }
  if (live && live.treeSha === head.treeSha && !state.isReleasing) {
    const reason = `Nothing changed since ${live.commitSha.slice(0, 7)}, which is live.`;
    return { kind: 'skip', reason, supersedes: true };
  }
  return { kind: 'build' };
}
