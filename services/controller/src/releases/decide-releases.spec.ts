import { describe, expect, it } from 'vitest';
import { release, replica, revision, world, type WorldParts } from '../testing/worlds';
import { decideReleases } from './decide-releases';

const rules = { deadlineMs: 60_000, crashLimit: 2 };
const decide = (parts: WorldParts, nowMs = 0, seenMs = 0) => {
  const seen = new Map((parts.releases ?? []).map((it) => [it.releaseId, seenMs]));
  return decideReleases(world(parts), seen, nowMs, rules).map((step) => ({
    id: step.releaseId,
    ...(step.kind === 'route' ? { kind: step.kind } : step.ending),
  }));
};
const two = {
  functions: [
    { name: 'one', revisionId: 'rev_1' },
    { name: 'two', revisionId: 'rev_2' },
  ],
};
const revisions = [revision('rev_1'), revision('rev_2')];

describe('decideReleases', () => {
  it('routes only when every function has a ready replica', () => {
    const releases = [release('rel', two)];
    const half = [replica('rpl_1', 'rev_1'), replica('rpl_2', 'rev_2', { state: 'starting' })];
    expect(decide({ revisions, releases, observed: half })).toEqual([]);
    const whole = [replica('rpl_1', 'rev_1'), replica('rpl_2', 'rev_2')];
    expect(decide({ revisions, releases, observed: whole })).toEqual([{ id: 'rel', kind: 'route' }]);
  });

  it('supersedes older pending releases of the same place, naming the newer deployment', () => {
    const releases = [release('rel_old', two), release('rel_new', { ...two, createdAtMs: 2_000 })];
    const [step] = decide({ revisions, releases });
    expect(step).toMatchObject({ id: 'rel_old', release: 'superseded', deployment: 'superseded' });
    expect(step).toMatchObject({ supersededBy: 'dep_of_rel_new', reason: expect.stringContaining('dep_of_rel_new') });
  });

  it('leaves a deployment alone that the newer release is for as well', () => {
    const same = { ...two, deploymentId: 'dep_same', deploymentStatus: 'retired' };
    const releases = [release('rel_1', same), release('rel_2', { ...same, createdAtMs: 2_000 })];
    expect(decide({ revisions, releases })).toMatchObject([{ id: 'rel_1', release: 'superseded', deployment: null }]);
  });

  it('fails a release when one function crashes twice, with its last lines', () => {
    const crashed = replica('rpl_2', 'rev_2', { state: 'crashed', reason: 'Error: boom' });
    const parts = { revisions, releases: [release('rel', two)], observed: [replica('rpl_1', 'rev_1'), crashed] };
    expect(decide({ ...parts, change: { crashes: new Map([['rpl_2', 1]]) } })).toEqual([]);
    const [step] = decide({ ...parts, change: { crashes: new Map([['rpl_2', 2]]) } });
    expect(step).toMatchObject({ release: 'failed', deployment: 'failed' });
    expect(step).toMatchObject({ reason: 'The function "two" crashed 2 times while it started. Error: boom' });
  });

  it('fails a release that is not healthy in time, counted from when this controller first saw it', () => {
    const parts = { revisions, releases: [release('rel', { ...two, createdAtMs: -1e9 })] };
    expect(decide(parts, 69_999, 10_000)).toEqual([]);
    expect(decide(parts, 70_000, 10_000)).toMatchObject([
      { release: 'failed', reason: 'The function "one" was not healthy within 60 s. It printed nothing.' },
    ]);
  });

  it('says of untrusted code that fails that its secrets were kept from it', () => {
    const outsider = { ...revision('rev_1', { secrets: ['key'] }), trust: 'untrusted' as const };
    const functions = [{ name: 'one', revisionId: 'rev_1' }];
    const observed = [replica('rpl_1', 'rev_1', { state: 'crashed', reason: 'Error: no key' })];
    const change = { crashes: new Map([['rpl_1', 2]]) };
    const [step] = decide({ revisions: [outsider], releases: [release('rel', { functions })], observed, change });
    expect(step).toMatchObject({ reason: expect.stringMatching(/none of its secrets \(key\).*Error: no key$/) });
  });

  it('keeps a reason within 2 KiB, with its beginning and its last lines', () => {
    const reason = `${'x'.repeat(9_000)} the very last line`;
    const crashed = [1, 2].map((n) => replica(`rpl_${n}`, `rev_${n}`, { state: 'crashed', reason }));
    const change = { crashes: new Map([['rpl_1', 2]]) };
    const [step] = decide({ revisions, releases: [release('rel', two)], observed: crashed, change });
    const told = step && 'reason' in step ? step.reason : '';
    expect(told.length).toBeLessThanOrEqual(2048);
    expect(told).toMatch(/^The function "one" crashed[^]*the very last line$/);
  });

  it('cancels a release whose deployment is asked to be cancelled, and drops one whose deployment has ended', () => {
    expect(decide({ revisions, releases: [release('rel', { ...two, isCancelRequested: true })] })).toMatchObject([
      { release: 'superseded', deployment: 'cancelled' },
    ]);
    expect(decide({ revisions, releases: [release('rel', { ...two, deploymentStatus: 'failed' })] })).toMatchObject([
      { release: 'superseded', deployment: null },
    ]);
  });

  it('cancels what would be released into a closed preview, with the reason of its end', () => {
    const closedReason = 'The preview was closed: The pull request was merged.';
    const observed = [replica('rpl_1', 'rev_1'), replica('rpl_2', 'rev_2')];
    const releases = [release('rel', { ...two, closedReason })];
    expect(decide({ revisions, releases, observed })).toMatchObject([
      { release: 'superseded', deployment: 'cancelled', reason: closedReason },
    ]);
  });

  it('fails a release at once when a secret is missing or a revision is', () => {
    const secrets = new Map([['rev_2', { ok: false, reason: 'No secret "key".' } as const]]);
    const releases = [release('rel', two)];
    expect(decide({ revisions, releases, secrets })).toMatchObject([{ release: 'failed', reason: 'No secret "key".' }]);
    expect(decide({ revisions: [revision('rev_1')], releases })).toMatchObject([{ release: 'failed' }]);
    const unbuilt = release('rel', { functions: [{ name: 'one', revisionId: null }] });
    expect(decide({ revisions, releases: [unbuilt] })).toMatchObject([{ release: 'failed' }]);
  });

  it('fails a release with the reason for which nothing may be started, unless all of it runs already', () => {
    const releases = [release('rel', two)];
    const gate = { isOpen: false, reason: 'The cluster enforces no NetworkPolicies.' } as const;
    expect(decide({ revisions, releases, change: { gate } })).toMatchObject([
      { release: 'failed', deployment: 'failed', reason: gate.reason },
    ]);
    expect(decide({ revisions, releases, change: { gate: { isOpen: false, reason: null } } })).toEqual([]);
    const whole = [replica('rpl_1', 'rev_1'), replica('rpl_2', 'rev_2')];
    expect(decide({ revisions, releases, observed: whole, change: { gate } })).toMatchObject([{ kind: 'route' }]);
  });

  it('routes a deployment without functions at once, so that removing the last one works', () => {
    expect(decide({ releases: [release('rel')] })).toEqual([{ id: 'rel', kind: 'route' }]);
  });
});
