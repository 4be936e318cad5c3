import type { PlanState } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { decidePlan } from './decide-plan';

const head = { commitSha: 'b'.repeat(40), treeSha: '2'.repeat(40), message: 'Change it', author: 'Ada' };
const fresh: PlanState = { newest: null, live: null, isReleasing: false };
const newest = (status: 'live' | 'failed' | 'building' | 'skipped', commitSha = head.commitSha) => ({
  ...fresh,
  newest: { id: 'dep_1', status, commitSha, trust: 'trusted' as const, createdAtMs: 1000 },
});
const live = { commitSha: 'a'.repeat(40), treeSha: head.treeSha };

describe('decidePlan', () => {
  it('builds a head that was never handled', () => {
    expect(decidePlan(fresh, head, null)).toEqual({ kind: 'build' });
  });

  it.each(['live', 'failed', 'building', 'skipped'] as const)('makes nothing new of a head that is %s', (status) => {
    expect(decidePlan(newest(status), head, null)).toEqual({ kind: 'nothing' });
  });

  it('builds a former commit again when it is the head again', () => {
    expect(decidePlan(newest('live', 'c'.repeat(40)), head, null)).toEqual({ kind: 'build' });
  });

  it('builds a handled head once for each redeploy that was asked for after it', () => {
    expect(decidePlan(newest('failed'), head, 1001)).toEqual({ kind: 'build' });
    expect(decidePlan(newest('failed'), head, 1000)).toEqual({ kind: 'nothing' });
  });

  it('does not build twice at once for a redeploy', () => {
    expect(decidePlan(newest('building'), head, 1001)).toEqual({ kind: 'nothing' });
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
});
