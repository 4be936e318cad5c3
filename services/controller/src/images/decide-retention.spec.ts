import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRetention, type NeededImages, type TaggedImage } from './decide-retention';

const nothing: NeededImages = { needsTag: () => false, digests: new Set() };
const image = (tag: string, digest: string, children: string[] = []): TaggedImage => ({ tag, digest, children });

describe('an index, its image and its provenance', () => {
  const index = image('dep_1', 'index', ['image', 'provenance']);

  it('go together, the index last', () => {
    expect(decideRetention([index], nothing)).toEqual(['image', 'provenance', 'index']);
  });

  it.each(['index', 'image', 'provenance'])('stay together when a revision names the %s', (digest) => {
    expect(decideRetention([index], { ...nothing, digests: new Set([digest]) })).toEqual([]);
  });

  it('stay together when their deployment is needed', () => {
    expect(decideRetention([index], { ...nothing, needsTag: (tag) => tag === 'dep_1' })).toEqual([]);
  });

  it('of an old build go without the image that a needed build made again', () => {
    const again = image('dep_2', 'index 2', ['image', 'provenance 2']);
    const needed = { ...nothing, needsTag: (tag: string) => tag === 'dep_2' };
    expect(decideRetention([index, again], needed)).toEqual(['provenance', 'index']);
  });
});

it('a cache stays while its tenant is there, and goes with it', () => {
  const cache = image('latest', 'cache', []);
  expect(decideRetention([cache], nothing)).toEqual([]);
  expect(decideRetention([cache], null)).toEqual(['cache']);
});

describe('whatever is in a repository', () => {
  const digest = fc.nat(9).map((n) => `d${n}`);
  // An index names what was there before it, so that nothing is inside itself: the registry's digests see to that.
  const repository = fc.uniqueArray(
    fc.record({
      tag: fc.oneof(
        fc.nat(9).map((n) => `dep_${n}`),
        fc.constant('latest'),
      ),
      at: fc.nat(9),
      inside: fc.array(fc.nat(9), { maxLength: 3 }),
    }),
    { selector: ({ tag }) => tag, maxLength: 8 },
  );
  const world = fc.record({
    images: repository.map((all) => {
      const contents = new Map<number, string[]>();
      return all.map(({ tag, at, inside }) => {
        const children = contents.get(at) ?? inside.filter((one) => one < at).map((one) => `d${one}`);
        contents.set(at, children);
        return image(tag, `d${at}`, children);
      });
    }),
    digests: fc.array(digest, { maxLength: 3 }).map((all) => new Set(all)),
    tags: fc.array(
      fc.nat(9).map((n) => `dep_${n}`),
      { maxLength: 3 },
    ),
  });
  const neededIn = ({ digests, tags }: { digests: Set<string>; tags: string[] }): NeededImages => ({
    digests,
    needsTag: (tag) => tags.includes(tag),
  });
  const apply = (images: readonly TaggedImage[], deleted: readonly string[]) =>
    images.filter((one) => !deleted.includes(one.digest));

  it('nothing that is needed, nor anything in it or around it, is deleted', () => {
    fc.assert(
      fc.property(world, (one) => {
        const deleted = new Set(decideRetention(one.images, neededIn(one)));
        for (const digest of one.digests) expect(deleted).not.toContain(digest);
        for (const { tag, digest, children } of one.images) {
          const all = [digest, ...children];
          const isNeeded = tag === 'latest' || one.tags.includes(tag) || all.some((each) => one.digests.has(each));
          if (isNeeded) expect(all.filter((each) => deleted.has(each))).toEqual([]);
        }
      }),
    );
  });

  it('all that is left is needed', () => {
    fc.assert(
      fc.property(world, (one) => {
        const left = apply(one.images, decideRetention(one.images, neededIn(one)));
        const needed = left.filter(({ tag, digest, children }) => {
          const named = tag === 'latest' || one.tags.includes(tag) || one.digests.has(digest);
          return named || children.some((child) => one.digests.has(child));
        });
        const inside = new Set(needed.flatMap(({ digest, children }) => [digest, ...children]));
        for (const { digest } of left) expect(inside).toContain(digest);
      }),
    );
  });

  it('a run that was interrupted anywhere is finished by the next', () => {
    fc.assert(
      fc.property(world, fc.nat(30), (one, stop) => {
        const whole = decideRetention(one.images, neededIn(one));
        const first = whole.slice(0, stop);
        const second = decideRetention(apply(one.images, first), neededIn(one));
        expect(new Set([...first, ...second])).toEqual(new Set(whole));
      }),
    );
  });
});
