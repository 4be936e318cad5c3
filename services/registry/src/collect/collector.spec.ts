import type { LogFields } from '@wherry/logging';
import { afterEach, expect, it } from 'vitest';
import { WriteGate } from '../write-gate';
import { Collector, type StoredImages } from './collector';

const hour = 3_600_000;

/** A collector on a clock that tests move. */
class World {
  nowMs = 1_000 * hour;
  collected = 0;
  writtenMs: number | null = null;
  fail: Error | null = null;
  readonly lines: LogFields[] = [];
  readonly gate = new WriteGate(() => this.nowMs, 0);
  readonly stored: Record<string, 'good' | 'bad'> = {};
  readonly removed: string[] = [];
  readonly images: StoredImages = {
    exists: async () => true,
    repositories: async () => Object.keys(this.stored),
    read: async (name) => {
      if (this.stored[name] === 'bad') throw new Error('A manifest cannot be read.');
      return { tags: [], manifests: [{ digest: 'loose', writtenMs: 0 }] };
    },
    remove: async (name, { manifests }) => void this.removed.push(...manifests.map((digest) => `${name}@${digest}`)),
    removeIfEmpty: async () => false,
  };
  readonly collector = new Collector(
    { everyMs: 24 * hour, pauseMs: 60_000 },
    {
      ...{ gate: this.gate, images: this.images, nowMs: () => this.nowMs },
      log: { write: (fields) => void this.lines.push(fields) },
      lastCollected: { read: async () => this.writtenMs, write: async (atMs) => void (this.writtenMs = atMs) },
      collectBlobs: async () => {
        // What happens in here happens while nothing is written.
        expect(this.gate.enter(() => undefined)).toBeNull();
        this.collected += 1;
        if (this.fail) throw this.fail;
      },
    },
  );
}

const worlds: World[] = [];
async function begun(prepare: (world: World) => void = () => undefined): Promise<World> {
  const world = new World();
  worlds.push(world);
  prepare(world);
  await world.collector.start();
  return world;
}
afterEach(async () => await Promise.all(worlds.splice(0).map(({ collector }) => collector.stop())));

it('collects a day after the last time, also when it was started in between', async () => {
  const world = await begun((one) => (one.writtenMs = one.nowMs - 23 * hour));
  expect(world.collected).toBe(0);
  world.nowMs += hour;
  await expect.poll(() => world.collected).toBe(1);
  expect(world.writtenMs).toBe(world.nowMs);
  expect(world.collector.state).toMatchObject({ state: 'idle', collectedMs: world.nowMs, failure: null });
});

it('waits for the end of what is being written, and lets no new push begin meanwhile', async () => {
  const world = await begun();
  const leave = world.gate.enter(() => undefined);
  world.collector.ask();
  await expect.poll(() => world.gate.mayBegin()).toBe(false);
  expect([world.collected, world.collector.state.state]).toEqual([0, 'waiting']);
  leave?.();
  world.nowMs += 60_000;
  await expect.poll(() => world.collected).toBe(1);
  await expect.poll(() => world.gate.mayBegin()).toBe(true);
});

it('cuts off a request that lasts for minutes more than any', async () => {
  const world = await begun();
  let leave: (() => void) | null = null;
  leave = world.gate.enter(() => leave?.());
  world.collector.ask();
  await expect.poll(() => world.gate.mayBegin()).toBe(false);
  world.nowMs += 5 * 60_000;
  await expect.poll(() => world.collector.state.state).toBe('collecting');
  world.nowMs += 60_000;
  await expect.poll(() => world.collected).toBe(1);
});

it('ends at once when it is told to, whatever it waits for', async () => {
  const world = await begun();
  world.gate.enter(() => undefined);
  world.collector.ask();
  await expect.poll(() => world.gate.mayBegin()).toBe(false);
  world.nowMs += 5 * 60_000;
  await expect.poll(() => world.collector.state.state).toBe('collecting');
  await world.collector.stop();
  expect(world.collected).toBe(0);
});

it('lets everybody write again when it fails, tells why, and tries again after an hour', async () => {
  const world = await begun((one) => {
    one.fail = new Error('The disk is full.');
    one.nowMs += 60_000;
  });
  world.collector.ask();
  await expect.poll(() => world.collector.state).toMatchObject({ state: 'idle', failure: 'The disk is full.' });
  expect([world.gate.mayBegin(), world.writtenMs]).toEqual([true, null]);
  world.fail = null;
  world.nowMs += hour;
  await expect.poll(() => world.collector.state.failure).toBeNull();
});

it('leaves a repository that cannot be read as it is, says which, and goes on with the others', async () => {
  const world = await begun((one) => {
    Object.assign(one.stored, { 'a/trusted/bad': 'bad', 'b/trusted/good': 'good' });
    one.nowMs += 60_000;
  });
  world.collector.ask();
  await expect.poll(() => world.collected).toBe(1);
  expect(world.removed).toEqual(['b/trusted/good@loose']);
  expect(world.lines[0]).toMatchObject({ ok: false, message: 'a/trusted/bad: A manifest cannot be read.' });
});
