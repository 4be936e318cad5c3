import { describe, expect, it } from 'vitest';
import { release, replica, revision, world, type WorldParts } from '../testing/worlds';
import { desiredState } from './desired-state';

const rules = { noGatewayMs: 15_000, idleSeconds: null, scaleDownMs: 60_000 };
const later = { readAtMs: 100_000, acknowledgedByLive: 5n, activity: new Map() };
const counts = (parts: WorldParts, nowMs = 100_000) =>
  desiredState(world(parts), nowMs, rules).desired.map((it) => [it.revisionId, it.replicas]);
const fn = (revisionId: string | null) => ({ name: 'fn', revisionId });

describe('desiredState', () => {
  it('keeps a routed revision that is not used in the wish, without replicas', () => {
    expect(counts({ revisions: [revision('rev_a')], routed: ['rev_a'], change: { traffic: later } })).toEqual([
      ['rev_a', 0],
    ]);
  });

  it('tells of each revision whether a route names it, and of which environment it is', () => {
    const parts = { revisions: [revision('rev_a'), revision('rev_b')], routed: ['rev_a'] };
    const releases = [release('rel_a', { functions: [fn('rev_b')] })];
    const { desired } = desiredState(world({ ...parts, releases }), 100_000, rules);
    expect(desired.map((it) => [it.revisionId, it.isRouted, it.environmentId])).toEqual([
      ['rev_a', true, 'env_a'],
      ['rev_b', false, 'env_a'],
    ]);
  });

  it('starts nothing while the gate is shut, and leaves alone what runs', () => {
    const wakes = new Map(['rev_a', 'rev_b'].map((id) => [id, 99_000]));
    const parts = {
      revisions: ['rev_a', 'rev_b', 'rev_c'].map((id) => revision(id)),
      routed: ['rev_a', 'rev_b'],
      releases: [release('rel_a', { functions: [fn('rev_c')] })],
      observed: [replica('rpl_a', 'rev_a')],
    };
    const shut = { traffic: later, wakes, gate: { isOpen: false, reason: null } as const };
    expect(counts({ ...parts, change: shut })).toEqual([
      ['rev_a', 1],
      ['rev_b', 0],
    ]);
    expect(counts({ ...parts, change: { ...shut, gate: { isOpen: true } } })).toEqual([
      ['rev_a', 1],
      ['rev_b', 1],
      ['rev_c', 1],
    ]);
  });

  it('lets nothing of a closed preview run, whatever routes and releases say, but what drains', () => {
    const closed = ['rev_a', 'rev_b'].map((id) => ({
      ...revision(id, { scale: { min: 2, max: 5, idleSeconds: 60 } }),
      isClosed: true,
    }));
    const parts = {
      revisions: closed,
      routed: ['rev_a', 'rev_b'],
      releases: [release('rel_a', { functions: [fn('rev_b')] })],
      observed: [replica('rpl_a', 'rev_a')],
    };
    expect(counts({ ...parts, change: { traffic: later } })).toEqual([['rev_a', 0]]);
  });

  it('wants one replica of a routed revision that was woken', () => {
    const parts = { revisions: [revision('rev_a')], routed: ['rev_a'] };
    expect(counts({ ...parts, change: { traffic: later, wakes: new Map([['rev_a', 99_000]]) } })).toEqual([
      ['rev_a', 1],
    ]);
  });

  it('keeps the minimum of a routed revision, and one at least of a revision that is being released', () => {
    const scale = { min: 2, max: 5, idleSeconds: 60 };
    const revisions = [revision('rev_a', { scale }), revision('rev_b'), revision('rev_c', { scale })];
    const releases = [release('rel_a', { functions: [fn('rev_b'), fn('rev_c')] })];
    expect(counts({ revisions, routed: ['rev_a'], releases, change: { traffic: later } })).toEqual([
      ['rev_a', 2],
      ['rev_b', 1],
      ['rev_c', 2],
    ]);
  });

  it('starts nothing for a pending release that a newer one of the same repository overtakes', () => {
    const releases = [
      release('rel_new', { createdAtMs: 2, functions: [fn('rev_new')] }),
      release('rel_old', { createdAtMs: 1, functions: [fn('rev_old')] }),
      release('rel_other', { createdAtMs: 0, repositoryId: 'rep_b', functions: [fn('rev_other')] }),
    ];
    const revisions = ['rev_new', 'rev_old', 'rev_other'].map((id) => revision(id));
    expect(counts({ revisions, releases })).toEqual([
      ['rev_new', 1],
      ['rev_other', 1],
    ]);
  });

  it('counts a replica that was just started as used, but not one that crashes again and again', () => {
    const parts = { revisions: [revision('rev_a')], routed: ['rev_a'], change: { traffic: later } };
    const fresh = replica('rpl_a', 'rev_a', { startedAtMs: 50_000 });
    expect(counts({ ...parts, observed: [fresh] })).toEqual([['rev_a', 1]]);
    expect(counts({ ...parts, observed: [{ ...fresh, state: 'crashed', restarts: 3 }] })).toEqual([['rev_a', 0]]);
  });

  it('keeps a revision that nothing names in the wish, with no replicas, until its replicas are gone', () => {
    const observed = [replica('rpl_a', 'rev_a')];
    expect(counts({ revisions: [revision('rev_a')], observed })).toEqual([['rev_a', 0]]);
    const row = { tenantId: 'ten_a', replicaId: 'rpl_a', revisionId: 'rev_a', state: 'ready' } as const;
    const rows = [{ ...row, address: null, version: 0n, startedAtMs: 0 }];
    expect(counts({ revisions: [revision('rev_a')], rows })).toEqual([['rev_a', 0]]);
    // Its row goes a moment later, and that is read again at the next resync only.
    expect(counts({ revisions: [revision('rev_a')], rows, change: { gone: new Set(['rpl_a']) } })).toEqual([]);
    expect(counts({ revisions: [revision('rev_a')] })).toEqual([]);
  });

  it('names as drained only leaving replicas whose version is acknowledged', () => {
    const observed = [
      replica('rpl_acknowledged', 'rev_a', { state: 'leaving' }),
      replica('rpl_waiting', 'rev_a', { state: 'leaving' }),
      replica('rpl_unwritten', 'rev_a', { state: 'leaving' }),
      replica('rpl_ready_again', 'rev_a', { state: 'ready' }),
    ];
    const drains = new Map([
      ['rpl_acknowledged', { version: 5n, sinceMs: 0 }],
      ['rpl_waiting', { version: 6n, sinceMs: 0 }],
      ['rpl_ready_again', { version: 1n, sinceMs: 0 }],
    ]);
    const state = desiredState(
      world({ revisions: [revision('rev_a')], observed, change: { drains, traffic: later } }),
      100_000,
      rules,
    );
    expect([...(state.desired[0]?.drained ?? [])]).toEqual(['rpl_acknowledged']);
  });

  it('runs nothing of a suspended tenant, and no revision whose secrets cannot be had', () => {
    const wakes = new Map([
      ['rev_a', 99_000],
      ['rev_b', 99_000],
    ]);
    const parts: WorldParts = {
      revisions: [{ ...revision('rev_a'), isSuspended: true }, revision('rev_b')],
      routed: ['rev_a', 'rev_b'],
      secrets: new Map([['rev_b', { ok: false, reason: 'missing' }]]),
      observed: [replica('rpl_a', 'rev_a'), replica('rpl_b', 'rev_b')],
      change: { wakes },
    };
    expect(counts(parts)).toEqual([
      ['rev_a', 0],
      ['rev_b', 0],
    ]);
    expect(counts({ ...parts, observed: [] })).toEqual([]);
  });

  it('takes the time to zero from the setting, unless the function has one of its own', () => {
    const observed = [replica('rpl_a', 'rev_a', { startedAtMs: 98_000 })];
    const replicas = (labels: Record<string, string>, idleSeconds: number) => {
      const revisions = [revision('rev_a', { labels })];
      const parts = world({ revisions, routed: ['rev_a'], observed, change: { traffic: later } });
      return desiredState(parts, 100_000, { ...rules, idleSeconds }).desired[0]?.replicas;
    };
    expect(replicas({}, 2)).toBe(0);
    expect(replicas({}, 3)).toBe(1);
    expect(replicas({ 'com.openfaas.scale.zero-duration': '60s' }, 2)).toBe(1);
  });
});
