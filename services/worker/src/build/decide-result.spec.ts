import type { BuiltFunction, ResultState } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { configHash, decideResult } from './decide-result';

const built = (name: string, over: Partial<BuiltFunction> = {}): BuiltFunction => ({
  ...{ name, inputHash: 'i', artifactDigest: 'a', config: {}, configHash: 'c', buildMs: 1 },
  ...{ newFunctionId: `new_fn_${name}`, newRevisionId: `new_rev_${name}` },
  ...over,
});
const row = (name: string, over: Partial<ResultState['functions'][number]> = {}) => ({
  ...{ id: `fn_${name}`, name, repositoryId: 'rep_1', repositoryName: 'shop', rootDir: '.', isRemoved: false },
  ...over,
});
const revision: ResultState['revisions'][number] = {
  ...{ id: 'rev_one', functionId: 'fn_one', trust: 'trusted' },
  ...{ inputHash: 'i', artifactDigest: 'a', configHash: 'c' },
};
const state: ResultState = {
  ...{ repositoryId: 'rep_1', rootDir: '.', trust: 'trusted', functions: [row('one')], revisions: [revision] },
  routes: [{ functionId: 'fn_one', revisionId: 'rev_one', deploymentId: 'dep_live' }],
  ...{ liveDeploymentId: 'dep_live', liveCommitSha: 'a'.repeat(40), pinnedCommitSha: null, isReleasing: false },
};

describe('decideResult', () => {
  it('skips what the live deployment serves exactly', () => {
    expect(decideResult(state, [built('one')])).toMatchObject({
      kind: 'skip',
      reason: 'Nothing changed since aaaaaaa, which is live.',
    });
  });

  it.each([
    ['the input', { inputHash: 'other' }],
    ['the artifact', { artifactDigest: 'other' }],
    ['the configuration', { configHash: 'other' }],
  ])('makes a new revision when %s differs', (_what, over) => {
    expect(decideResult(state, [built('one', over)])).toMatchObject({
      kind: 'release',
      functions: [{ functionId: 'fn_one', revisionId: 'new_rev_one', isNewRevision: true, isNewFunction: false }],
    });
  });

  it.each([
    ['untrusted', 'trusted'],
    ['trusted', 'untrusted'],
  ] as const)('makes a new revision of %s code that is the same as %s code', (trust, other) => {
    const revisions = [{ ...revision, trust: other }];
    expect(decideResult({ ...state, trust, revisions }, [built('one')])).toMatchObject({
      kind: 'release',
      functions: [{ revisionId: 'new_rev_one', isNewRevision: true }],
    });
    const both = [...revisions, { ...revision, id: 'rev_same', trust }];
    expect(decideResult({ ...state, trust, revisions: both }, [built('one')])).toMatchObject({
      functions: [{ revisionId: 'rev_same', isNewRevision: false }],
    });
  });

  it('releases when a function was added, and when one has left', () => {
    expect(decideResult(state, [built('one'), built('two')]).kind).toBe('release');
    const two = { functionId: 'fn_two', revisionId: 'rev_two', deploymentId: 'dep_live' };
    expect(decideResult({ ...state, routes: [...state.routes, two] }, [built('one')]).kind).toBe('release');
  });

  it('releases a stack that has become empty, and skips one that never had a function', () => {
    expect(decideResult(state, [])).toMatchObject({ kind: 'release', functions: [] });
    const never = { ...state, functions: [], revisions: [], routes: [], liveDeploymentId: null, liveCommitSha: null };
    expect(decideResult(never, [])).toMatchObject({ kind: 'skip', reason: expect.stringContaining('none is live') });
  });

  it('releases the same revisions when the routes are not those of a live deployment', () => {
    expect(decideResult({ ...state, liveDeploymentId: null, liveCommitSha: null }, [built('one')]).kind).toBe(
      'release',
    );
  });

  it('releases the same revisions while another release may still replace them', () => {
    expect(decideResult({ ...state, isReleasing: true }, [built('one')]).kind).toBe('release');
  });

  it('keeps revisions, releases nothing and says how to go on while production is pinned', () => {
    const pinned = { ...state, pinnedCommitSha: 'b'.repeat(40) };
    const decision = decideResult(pinned, [built('one', { inputHash: 'new' })]);
    expect(decision).toMatchObject({ kind: 'skip', functions: [{ isNewRevision: true }] });
    expect(decision).toHaveProperty('reason', expect.stringMatching(/pinned to bbbbbbb .* Resume releases/));
  });

  it.each([
    ['another repository', { repositoryId: 'rep_2' }],
    ['another root directory', { rootDir: 'api' }],
  ])('refuses a name that belongs to %s', (_whose, over) => {
    const taken = { ...state, functions: [row('one', over)] };
    expect(decideResult(taken, [built('one')])).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('belongs to the repository "shop"'),
    });
  });

  it('takes a name that another repository has given up, as a function of its own', () => {
    const free = { ...state, functions: [row('one', { repositoryId: 'rep_2', isRemoved: true })] };
    expect(decideResult(free, [built('one')])).toMatchObject({
      kind: 'release',
      functions: [{ functionId: 'new_fn_one', isNewFunction: true }],
    });
  });
});

describe('configHash', () => {
  it('does not depend on the order of keys, and does on every value', () => {
    expect(configHash({ a: 1, b: { c: [1, 2], d: undefined } })).toBe(configHash({ b: { c: [1, 2] }, a: 1 }));
    expect(configHash({ a: [1, 2] })).not.toBe(configHash({ a: [2, 1] }));
    const ways = [{}, { egress: [] }, { egress: [{ cidr: 'a' }] }, { egress: [{ cidr: 'a', ports: [1] }] }];
    expect(new Set(ways.map(configHash)).size).toBe(ways.length);
  });
});
