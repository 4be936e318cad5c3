import type { PlanState, SkipCause } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { decidePlan, type PlanFacts, plainFacts } from './decide-plan';

const head = { commitSha: 'b'.repeat(40), treeSha: '2'.repeat(40), message: 'Change it', author: 'Ada' };
const fresh: PlanState = { newest: null, live: null, isReleasing: false };
const newest = (
  status: 'live' | 'failed' | 'building' | 'skipped',
  commitSha = head.commitSha,
  skipCause: SkipCause | null = null,
) => ({
  ...fresh,
  newest: {
    id: 'dep_1',
    status,
    commitSha,
    treeSha: head.treeSha,
    trust: 'trusted' as const,
    skipCause,
    createdAtMs: 1000,
  },
});
const otherLive = { commitSha: 'a'.repeat(40), treeSha: '9'.repeat(40) };
const live = { commitSha: 'a'.repeat(40), treeSha: head.treeSha };

describe('decidePlan', () => {
  it('builds a head that was never handled', () => {
    expect(decidePlan(fresh, head, null)).toEqual({ kind: 'build' });
  });

  it.each(['live', 'failed', 'building', 'skipped'] as const)('makes nothing new of a head that is %s', (status) => {
    expect(decidePlan(newest(status), head, null)).toEqual({ kind: 'nothing', isKept: true });
  });

  it('builds a former commit again when it is the head again', () => {
    expect(decidePlan(newest('live', 'c'.repeat(40)), head, null)).toEqual({ kind: 'build' });
  });

  it('builds a handled head once for each redeploy that was asked for after it', () => {
    expect(decidePlan(newest('failed'), head, 1001)).toEqual({ kind: 'build' });
    expect(decidePlan(newest('failed'), head, 1000)).toEqual({ kind: 'nothing', isKept: true });
  });

  it('does not build twice at once for a redeploy', () => {
    expect(decidePlan(newest('building'), head, 1001)).toEqual({ kind: 'nothing', isKept: true });
  });

  it('lets a redeploy pass by skip tokens and equal trees', () => {
    const asked = { ...newest('skipped'), live };
    expect(decidePlan(asked, { ...head, message: '[skip ci]' }, 1001)).toEqual({ kind: 'build' });
  });

  it.each(['[skip wherry]', '[skip ci]', '[ci skip]', '[no ci]', '[Skip CI]'])(
    'skips a commit that says %s',
    (token) => {
      expect(decidePlan(fresh, { ...head, message: `Fix ${token} it` }, null)).toMatchObject({
        kind: 'skip',
        supersedes: false,
      });
    },
  );

  it('skips an equal tree and supersedes what would replace it', () => {
    expect(decidePlan({ ...fresh, live }, head, null)).toEqual({
      kind: 'skip',
      reason: 'Nothing changed since aaaaaaa, which is live.',
      supersedes: true,
    });
  });

  it('builds an equal tree while a release may still replace what is live', () => {
    expect(decidePlan({ ...fresh, live, isReleasing: true }, head, null)).toEqual({ kind: 'build' });
  });

  it('builds a commit again that was not trusted and is now, and only then', () => {
    const outsiders = { ...fresh, newest: { ...newest('skipped').newest, trust: 'untrusted' as const } };
    expect(decidePlan(outsiders, head, null, plainFacts)).toEqual({ kind: 'build' });
    const facts = { ...plainFacts, trust: 'untrusted' as const };
    expect(decidePlan(outsiders, head, null, facts)).toEqual({ kind: 'nothing', isKept: true });
  });

  it('never builds what is refused, also when somebody asks for it', () => {
    const facts = { ...plainFacts, trust: 'untrusted' as const, refusal: 'Its code comes from a fork.' };
    const refused = { kind: 'skip', reason: facts.refusal, supersedes: true, cause: 'outsider' };
    expect(decidePlan(fresh, head, null, facts)).toEqual(refused);
    expect(decidePlan(newest('failed'), head, 1001, facts)).toEqual(refused);
  });

  describe('of a commit that was skipped for what may pass', () => {
    const kept = { kind: 'nothing', isKept: true };
    const failed = { ...plainFacts, checks: { state: 'failed', name: 'lint' } } as const;
    const pull = {
      ...{ number: 7, title: 'Change it', headRef: 'change', baseRef: 'main', isFork: false, isDraft: false },
      ...{ authorLogin: 'ada', authorId: 1 },
    };

    it('builds it when the checks of others pass after all, and says nothing twice', () => {
      const state = newest('skipped', head.commitSha, 'checks');
      expect(decidePlan(state, head, null, { ...plainFacts, checks: { state: 'succeeded' } })).toEqual({
        kind: 'build',
      });
      expect(decidePlan(state, head, null, { ...plainFacts, checks: { state: 'pending' } })).toEqual(kept);
      expect(decidePlan(state, head, null, failed)).toEqual(kept);
    });

    it('builds it apart when the settings allow that, and refuses it once', () => {
      const state = newest('skipped', head.commitSha, 'outsider');
      const outsiders = { ...plainFacts, trust: 'untrusted' as const };
      expect(decidePlan(state, head, null, outsiders)).toEqual({ kind: 'build' });
      expect(decidePlan(state, head, null, { ...outsiders, refusal: 'From a fork.' })).toEqual(kept);
    });

    it('builds it when the title of its pull request asks for that no more', () => {
      const asks = { ...head, words: '[no ci]\nChange it', pull: { ...pull, title: '[no ci]' } };
      expect(decidePlan(fresh, asks, null)).toMatchObject({ kind: 'skip', cause: 'title' });
      const state = newest('skipped', head.commitSha, 'title');
      expect(decidePlan(state, asks, null)).toEqual(kept);
      expect(decidePlan(state, { ...head, pull }, null)).toEqual({ kind: 'build' });
    });

    it('makes nothing of a redeploy that was asked for before, and tells it of one asked for after', () => {
      const state = newest('skipped', head.commitSha, 'outsider');
      const facts = { ...plainFacts, trust: 'untrusted' as const, refusal: 'From a fork.' };
      expect(decidePlan(state, head, 1000, facts)).toEqual(kept);
      expect(decidePlan(state, head, 1001, facts)).toMatchObject({ kind: 'skip', cause: 'outsider' });
    });
  });

  it('finds out about a head again that only seemed to be handled', () => {
    expect(decidePlan(newest('live'), head, null, null)).toEqual({ kind: 'nothing', isKept: true });
    expect(decidePlan(fresh, head, null, null)).toEqual({ kind: 'again' });
  });

  it('looks for skip tokens in the whole message', () => {
    const asked = { ...head, words: 'Change it\n\nNo need to build. [no ci]' };
    expect(decidePlan(fresh, asked, null)).toMatchObject({ kind: 'skip' });
  });

  it('says once that there is nothing to deploy, and never of what is live', () => {
    const facts = { ...plainFacts, nothingThere: 'Nothing to deploy.' };
    expect(decidePlan(fresh, head, null, facts)).toMatchObject({ kind: 'skip', reason: 'Nothing to deploy.' });
    const said = newest('skipped', 'c'.repeat(40), 'nothing there');
    expect(decidePlan(said, head, null, facts)).toEqual({ kind: 'nothing' });
    expect(decidePlan(newest('skipped', 'c'.repeat(40)), head, null, facts)).toMatchObject({ kind: 'skip' });
    expect(decidePlan({ ...fresh, live: otherLive }, head, null, facts)).toEqual({ kind: 'build' });
  });

  it('waits for other checks, builds when they pass, and says which one failed', () => {
    const checked = (checks: PlanFacts['checks']) => decidePlan(fresh, head, null, { ...plainFacts, checks });
    expect(checked({ state: 'pending' })).toEqual({ kind: 'nothing', isKept: true });
    expect(checked({ state: 'succeeded' })).toEqual({ kind: 'build' });
    expect(checked({ state: 'none' })).toEqual({ kind: 'build' });
    expect(checked({ state: 'failed', name: 'lint' })).toMatchObject({
      kind: 'skip',
      reason: expect.stringContaining('"lint" failed'),
    });
  });

  it('skips what changes nothing that is wanted since what is live, and finds out again when another is live', () => {
    const state = { ...fresh, live: otherLive };
    const facts = (since: string, areWanted: boolean) => ({ ...plainFacts, changes: { since, areWanted } });
    const { commitSha } = otherLive;
    expect(decidePlan(state, head, null, facts(commitSha, false))).toMatchObject({ kind: 'skip', supersedes: true });
    expect(decidePlan(state, head, null, facts(commitSha, true))).toEqual({ kind: 'build' });
    expect(decidePlan(state, head, null, facts('f'.repeat(40), false))).toEqual({ kind: 'again' });
    const releasing = { ...state, isReleasing: true };
    expect(decidePlan(releasing, head, null, facts(commitSha, false))).toEqual({ kind: 'build' });
  });
});
