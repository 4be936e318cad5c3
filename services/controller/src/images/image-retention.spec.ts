import type { ImagesInUse } from '@wherry/db';
import type { LogFields } from '@wherry/logging';
import { expect, it } from 'vitest';
import { defaultRetention, ImageRetention, type RetentionRegistry, type RetentionStore } from './image-retention';

const idle: ImagesInUse = { isBuilding: false, built: [], digests: [], recentDeploymentIds: [] };
const never = new AbortController().signal;

/** A registry of images without indexes: repository → tag → digest. */
class FakeRegistry implements RetentionRegistry {
  readonly deleted: string[] = [];
  constructor(private readonly stored: Record<string, Record<string, string>>) {}
  repositories = async () => Object.keys(this.stored);
  tags = async (repository: string) => Object.keys(this.stored[repository] ?? {});
  manifest = async (repository: string, tag: string) => {
    const digest = this.stored[repository]?.[tag];
    return digest === undefined ? null : { digest, children: [] };
  };
  deleteManifest = async (repository: string, digest: string) => {
    this.deleted.push(`${repository}@${digest}`);
    return true;
  };
}

function storeOf(tenants: Record<string, ImagesInUse[] | 'gone'>): RetentionStore {
  const asked = new Map<string, number>();
  return {
    tenants: async () => Object.entries(tenants).map(([tenantId, one]) => ({ tenantId, isGone: one === 'gone' })),
    inUse: async (tenantId) => {
      const moments = tenants[tenantId];
      if (moments === undefined || moments === 'gone') throw new Error('Nobody should ask for it.');
      const nth = asked.get(tenantId) ?? 0;
      asked.set(tenantId, nth + 1);
      return moments[Math.min(nth, moments.length - 1)] ?? idle;
    },
  };
}

const log = { write: () => undefined };

it('keeps what the function’s own deployments built, and deletes what nothing names', async () => {
  const registry = new FakeRegistry({ 'a/trusted/hello': { dep_1: 'one', dep_2: 'two', dep_3: 'three', latest: 'c' } });
  const built = ['hello:dep_1', 'other:dep_3'];
  const images = storeOf({ ten_a: [{ ...idle, built, digests: ['one'] }] });
  const report = await new ImageRetention({ registry, images, log }).run(never);
  expect(registry.deleted.sort()).toEqual(['a/trusted/hello@three', 'a/trusted/hello@two']);
  expect(report).toEqual({ deleted: 2, building: 0, unknown: 0 });
});

it('keeps what a young deployment pushed, whether or not it came to anything', async () => {
  const registry = new FakeRegistry({ 'a/trusted/hello': { dep_1: 'one' } });
  const images = storeOf({ ten_a: [{ ...idle, recentDeploymentIds: ['dep_1'] }] });
  await new ImageRetention({ registry, images, log }).run(never);
  expect(registry.deleted).toEqual([]);
});

it('touches nothing of a tenant that is building, or begins to between the look and the deletion', async () => {
  const stored = { 'a/trusted/hello': { dep_1: 'one' }, 'b/trusted/hello': { dep_2: 'two' } };
  const registry = new FakeRegistry(stored);
  const building = { ...idle, isBuilding: true };
  const images = storeOf({ ten_a: [building], ten_b: [idle, building] });
  const report = await new ImageRetention({ registry, images, log }).run(never);
  expect([report.building, registry.deleted]).toEqual([2, []]);
});

it('keeps an image that a revision names since the first look', async () => {
  const registry = new FakeRegistry({ 'a/trusted/hello': { dep_1: 'one', dep_2: 'two' } });
  const images = storeOf({ ten_a: [idle, { ...idle, digests: ['one'] }] });
  await new ImageRetention({ registry, images, log }).run(never);
  expect(registry.deleted).toEqual(['a/trusted/hello@two']);
});

it('deletes everything of a tenant that is gone, caches too, and nothing of one that it never knew', async () => {
  const registry = new FakeRegistry({
    'a/trusted/hello': { dep_1: 'one' },
    'a/untrusted/cache/hello': { latest: 'cache' },
    'stranger/trusted/hello': { dep_1: 'one' },
  });
  const report = await new ImageRetention({ registry, images: storeOf({ ten_a: 'gone' }), log }).run(never);
  expect(registry.deleted.sort()).toEqual(['a/trusted/hello@one', 'a/untrusted/cache/hello@cache']);
  expect(report.unknown).toBe(1);
});

it('deletes nothing when the database does not answer', async () => {
  const registry = new FakeRegistry({ 'a/trusted/hello': { dep_1: 'one' } });
  const failing = { ...storeOf({}), tenants: () => Promise.reject(new Error('gone')) };
  await expect(new ImageRetention({ registry, images: failing, log }).run(never)).rejects.toThrow('gone');
  expect(registry.deleted).toEqual([]);
});

it('goes on after a run that failed, tells why, and ends when it is told to', async () => {
  const lines: LogFields[] = [];
  const ending = new AbortController();
  const write = (fields: LogFields) => {
    lines.push(fields);
    if (lines.length === 2) ending.abort();
  };
  let runs = 0;
  const images = storeOf({});
  const flaky = {
    ...images,
    tenants: (graceHours: number) =>
      runs++ === 0 ? Promise.reject(new Error('no answer')) : images.tenants(graceHours),
  };
  const registry = new FakeRegistry({});
  const parts = { registry, images: flaky, log: { write } };
  await new ImageRetention(parts, { ...defaultRetention, everyMs: 1 }).keep(ending.signal);
  expect(lines).toMatchObject([
    { op: 'images.retain', ok: false, message: 'no answer' },
    { op: 'images.retain', ok: true, count: 0 },
  ]);
});
