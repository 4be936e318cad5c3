import { ClusterError } from '@wherry/cluster';
import { expect, it } from 'vitest';
import { type LeaseClock, LeaderLease } from './leader-lease';

type Stored = { metadata: { resourceVersion: string }; spec: Record<string, unknown> };

/** One Lease as the API server keeps it, and a clock that goes on only by sleeping. */
class World {
  nowMs = 0;
  stored: Stored | null = null;
  isAway = false;
  private version = 0;

  clock(): LeaseClock {
    return {
      monotonicMs: () => this.nowMs,
      timestamp: () => `${this.nowMs}`,
      sleep: async (ms, signal) => {
        if (!signal.aborted) this.nowMs += ms;
      },
    };
  }

  controller(identity: string) {
    const answer = <T>(): T => structuredClone(this.stored) as T;
    const client = {
      read: async <T>() => {
        this.reach();
        if (!this.stored) throw new ClusterError(404, 'NotFound', 'not found');
        return answer<T>();
      },
      create: async <T>(object: object) => {
        this.reach();
        if (this.stored) throw new ClusterError(409, 'AlreadyExists', 'exists');
        this.write((object as Stored).spec);
        return answer<T>();
      },
      merge: async <T>(_: unknown, patch: unknown) => {
        this.reach();
        const { metadata, spec } = patch as Stored;
        if (metadata.resourceVersion !== this.stored?.metadata.resourceVersion) {
          throw new ClusterError(409, 'Conflict', 'changed');
        }
        this.write({ ...this.stored.spec, ...spec });
        return answer<T>();
      },
    };
    return new LeaderLease({ client, namespace: 'n', name: 'l', identity, clock: this.clock() });
  }

  write(spec: Record<string, unknown>): void {
    this.version += 1;
    this.stored = { metadata: { resourceVersion: String(this.version) }, spec };
  }

  private reach(): void {
    if (this.isAway) throw new Error('The API server does not answer.');
  }
}

const never = new AbortController().signal;

it('lets one lead, and another one not before it has been silent for the whole lease', async () => {
  const world = new World();
  const [first, second] = [world.controller('first'), world.controller('second')];
  expect(await first.acquire(never)).toBe(true);
  const since = world.nowMs;
  expect(await second.acquire(never)).toBe(true);
  expect(world.nowMs - since).toBeGreaterThanOrEqual(15_000);
  expect(world.nowMs - since).toBeLessThanOrEqual(20_000);
  // Long before that the first one has stopped to believe that it leads.
  expect([first.isHeld(), second.isHeld()]).toEqual([false, true]);
});

it('follows at once when the leader gives the lease back', async () => {
  const world = new World();
  const [first, second] = [world.controller('first'), world.controller('second')];
  await first.acquire(never);
  const stop = new AbortController();
  stop.abort();
  expect(await first.keep(stop.signal)).toBe('given back');
  const since = world.nowMs;
  await second.acquire(never);
  expect(world.nowMs - since).toBe(0);
  expect(first.isHeld()).toBe(false);
});

it('is lost when another one has it, and when the API server is away too long', async () => {
  const world = new World();
  const first = world.controller('first');
  await first.acquire(never);
  world.write({ ...world.stored!.spec, holderIdentity: 'second' });
  expect(await first.keep(never)).toBe('lost');

  const lonely = new World();
  const only = lonely.controller('only');
  await only.acquire(never);
  lonely.isAway = true;
  expect(await only.keep(never)).toBe('lost');
  expect(lonely.nowMs).toBeLessThan(15_000);
});

it('stays with its holder over a short silence of the API server, and when somebody touched or removed the Lease', async () => {
  const world = new World();
  const first = world.controller('first');
  await first.acquire(never);
  const stop = new AbortController();
  const clock = world.clock();
  const steps = new Map<number, () => void>([
    [2_000, () => (world.isAway = true)],
    [8_000, () => (world.isAway = false)],
    [20_000, () => world.write(world.stored!.spec)],
    [30_000, () => (world.stored = null)],
    [60_000, () => stop.abort()],
  ]);
  const watched = new LeaderLease({
    ...(first as unknown as { options: ConstructorParameters<typeof LeaderLease>[0] }).options,
    clock: {
      ...clock,
      sleep: async (ms, signal) => {
        await clock.sleep(ms, signal);
        for (const [at, step] of steps) if (world.nowMs >= at && steps.delete(at)) step();
      },
    },
  });
  expect(await watched.acquire(never)).toBe(true);
  expect(await watched.keep(stop.signal)).toBe('given back');
  expect(world.stored?.spec.holderIdentity).toBe('');
});
