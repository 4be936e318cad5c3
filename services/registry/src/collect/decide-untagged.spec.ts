import { describe, expect, it } from 'vitest';
import { decideUntagged, type StoredTag } from './decide-untagged';

const now = Date.UTC(2030, 0, 30);
const [hour, day] = [3_600_000, 24 * 3_600_000];
const tag = (name: string, digest: string, more: Partial<StoredTag> = {}): StoredTag => ({
  ...{ name, digest, children: [], writtenMs: now - 100 * day },
  ...more,
});
const old = (digest: string) => ({ digest, writtenMs: now - 2 * hour });

describe('a manifest', () => {
  it('that no tag leads to goes, one that is tagged or in an index that is stays', () => {
    const tags = [tag('dep_1', 'index', { children: ['image', 'provenance'] })];
    const manifests = ['index', 'image', 'provenance', 'loose'].map(old);
    expect(decideUntagged({ tags, manifests }, now)).toEqual({ tags: [], manifests: ['loose'] });
  });

  it('that was just pushed stays: its index may be on the way', () => {
    const manifests = [{ digest: 'image', writtenMs: now - hour + 1 }];
    expect(decideUntagged({ tags: [], manifests }, now).manifests).toEqual([]);
  });
});

describe('a tag', () => {
  it('of a deployment stays, however old it is', () => {
    expect(decideUntagged({ tags: [tag('dep_06f3k2', 'image')], manifests: [old('image')] }, now)).toEqual({
      ...{ tags: [], manifests: [] },
    });
  });

  it('of a cache stays for a week after it was written, and goes then with what only it leads to', () => {
    const manifests = [old('cache'), old('shared')];
    const other = tag('dep_1', 'shared');
    const cache = (writtenMs: number) => tag('latest', 'cache', { children: ['shared'], writtenMs });
    const young = { tags: [cache(now - 7 * day), other], manifests };
    expect(decideUntagged(young, now)).toEqual({ tags: [], manifests: [] });
    const stale = { tags: [cache(now - 7 * day - 1), other], manifests };
    expect(decideUntagged(stale, now)).toEqual({ tags: ['latest'], manifests: ['cache'] });
  });
});
