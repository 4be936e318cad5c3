import { describe, expect, it } from 'vitest';
import type { DesiredRevision } from '../engine';
import { backoffMs, decide, type ReplicaView } from './decide';

const revision = (more: Partial<DesiredRevision>): DesiredRevision =>
  ({ revisionId: 'rev', secretsVersion: '1', replicas: 1, drained: new Set<string>(), ...more }) as DesiredRevision;
const replica = (replicaId: string, state: ReplicaView['state'], more: Partial<ReplicaView> = {}): ReplicaView => ({
  ...{ replicaId, state, revisionId: 'rev', secretsVersion: '1', nextStartAtMs: 0 },
  ...more,
});
const actions = (wish: DesiredRevision[], replicas: ReplicaView[], nowMs = 1000) =>
  decide(new Map(wish.map((each) => [each.revisionId, each])), replicas, nowMs).map((each) =>
    each.kind === 'start' ? 'start' : `${each.kind} ${each.replicaId}`,
  );

describe('decide', () => {
  it('starts as many as are missing, and nothing when all are there', () => {
    expect(actions([revision({ replicas: 3 })], [replica('a', 'ready')])).toEqual(['start', 'start']);
    expect(actions([revision({})], [replica('a', 'starting')])).toEqual([]);
    expect(actions([revision({})], [replica('a', 'gone'), replica('b', 'stopping')])).toEqual(['start']);
  });

  it('counts a crashed one as there, and starts it again when its wait is over', () => {
    const crashed = replica('a', 'crashed', { nextStartAtMs: 2000 });
    expect(actions([revision({})], [crashed], 1999)).toEqual([]);
    expect(actions([revision({})], [crashed], 2000)).toEqual(['restart a']);
  });

  it('lets those leave that serve, and stops at once those that do not', () => {
    const all = [replica('a', 'crashed'), replica('b', 'ready'), replica('c', 'starting'), replica('d', 'ready')];
    expect(actions([revision({ replicas: 0 })], all)).toEqual(['leave b', 'leave d', 'stop c', 'stop a']);
    expect(actions([revision({ replicas: 1 })], all)).toEqual(['leave d', 'stop c', 'stop a']);
  });

  it('stops one that leaves only when it is drained', () => {
    expect(actions([revision({ replicas: 0 })], [replica('a', 'leaving')])).toEqual([]);
    const drained = new Set(['a', 'b']);
    expect(actions([revision({ drained })], [replica('a', 'leaving'), replica('b', 'ready')])).toEqual(['stop a']);
  });

  it('stops what is not wished for at all', () => {
    expect(actions([], [replica('a', 'ready'), replica('b', 'leaving'), replica('c', 'stopping')])).toEqual([
      'stop a',
      'stop b',
    ]);
  });

  it('keeps a replica with former secrets until one with the new ones serves', () => {
    const wish = [revision({ secretsVersion: '2' })];
    const old = replica('old', 'ready');
    const fresh = (state: ReplicaView['state']) => replica('new', state, { secretsVersion: '2' });
    expect(actions(wish, [old])).toEqual(['start']);
    expect(actions(wish, [old, fresh('starting')])).toEqual([]);
    expect(actions(wish, [old, fresh('crashed')])).toEqual(['restart new']);
    expect(actions(wish, [old, fresh('ready')])).toEqual(['leave old']);
    expect(actions(wish, [replica('old', 'crashed'), fresh('starting')])).toEqual(['stop old']);
  });
});

describe('backoffMs', () => {
  it('doubles from one second to half a minute', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 500].map(backoffMs)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });
});
