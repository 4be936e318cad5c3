import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planGeneration, planOutdated, type PlannedPod } from './plan';

const pod = (id: string, more: Partial<PlannedPod> = {}): PlannedPod => ({
  ...{ id, isReady: true, isCrashed: false, isLeaving: false, isDrained: false, isMarkedFirst: false },
  ...more,
});
const anyPods = fc.uniqueArray(
  fc.record({
    ...{ id: fc.string({ minLength: 1, maxLength: 3 }), isReady: fc.boolean(), isCrashed: fc.boolean() },
    ...{ isLeaving: fc.boolean(), isDrained: fc.boolean(), isMarkedFirst: fc.boolean() },
  }),
  { selector: (each) => each.id, maxLength: 6 },
);

describe('planGeneration', () => {
  it('asks for as many as wished, and for nothing more when they are there', () => {
    expect(planGeneration(2, [])).toEqual({ replicas: 2, leave: [], markFirst: [] });
    expect(planGeneration(2, [pod('a'), pod('b')])).toEqual({ replicas: 2, leave: [], markFirst: [] });
    expect(planGeneration(0, [])).toEqual({ replicas: 0, leave: [], markFirst: [] });
  });

  it('lets those that serve leave only once they are drained, and only after Kubernetes knows which', () => {
    const pods = [pod('a'), pod('b')];
    expect(planGeneration(1, pods)).toEqual({ replicas: 2, leave: ['b'], markFirst: [] });
    const leaving = pod('b', { isLeaving: true });
    expect(planGeneration(1, [pod('a'), leaving])).toEqual({ replicas: 2, leave: [], markFirst: [] });
    const drained = { ...leaving, isDrained: true };
    expect(planGeneration(1, [pod('a'), drained])).toEqual({ replicas: 2, leave: [], markFirst: ['b'] });
    const marked = { ...drained, isMarkedFirst: true };
    expect(planGeneration(1, [pod('a'), marked])).toEqual({ replicas: 1, leave: [], markFirst: [] });
  });

  it('waits while one that stays is not ready: Kubernetes would remove that one first', () => {
    const marked = pod('b', { isLeaving: true, isDrained: true, isMarkedFirst: true });
    expect(planGeneration(1, [pod('a', { isReady: false }), marked]).replicas).toBe(2);
  });

  it('gives up those that do not serve without waiting, crashed ones first', () => {
    const pods = [pod('crashed', { isReady: false, isCrashed: true }), pod('new', { isReady: false }), pod('ready')];
    expect(planGeneration(1, pods)).toEqual({ replicas: 1, leave: [], markFirst: [] });
    expect(planGeneration(0, pods)).toEqual({ replicas: 1, leave: ['ready'], markFirst: [] });
  });

  it('decides the same whatever the order in which it sees them', () => {
    fc.assert(
      fc.property(anyPods, fc.nat(4), (pods, wanted) => {
        const [one, other] = [planGeneration(wanted, pods), planGeneration(wanted, pods.toReversed())];
        expect(other.leave.toSorted()).toEqual(one.leave.toSorted());
        expect(other.replicas).toBe(one.replicas);
      }),
    );
  });

  it('never asks for so few that one which serves and is not drained would have to go', () => {
    fc.assert(
      fc.property(anyPods, fc.nat(4), (some, wanted) => {
        const pods = some.map((each) => ({
          ...each,
          isMarkedFirst: each.isMarkedFirst && each.isLeaving && each.isDrained,
        }));
        const { replicas } = planGeneration(wanted, pods);
        expect(replicas).toBeGreaterThanOrEqual(wanted);
        // Kubernetes removes those that are not ready, then those that are marked.
        const order = (each: PlannedPod) => (!each.isReady ? 0 : each.isMarkedFirst && each.isLeaving ? 1 : 2);
        const removed = pods.toSorted((a, b) => order(a) - order(b)).slice(0, Math.max(0, pods.length - replicas));
        for (const each of removed) if (each.isReady) expect(each).toMatchObject({ isLeaving: true, isDrained: true });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('planOutdated', () => {
  it('keeps what serves until it is replaced, then lets it leave, and is done when nothing is left', () => {
    const pods = [pod('a'), pod('b', { isReady: false })];
    expect(planOutdated(false, pods)).toEqual({ replicas: 1, leave: [], markFirst: [] });
    expect(planOutdated(true, pods)).toEqual({ replicas: 1, leave: ['a'], markFirst: [] });
    expect(planOutdated(true, [])).toBeNull();
  });
});
