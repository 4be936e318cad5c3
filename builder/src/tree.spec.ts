import fc from 'fast-check';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linkLeaves, treeDigest, type TreeEntry } from './tree';

const file = (path: string, rest: Partial<Extract<TreeEntry, { kind: 'file' }>> = {}): TreeEntry => ({
  ...{ kind: 'file', path, executable: false, sha256: 'a'.repeat(64), bytes: 1 },
  ...rest,
});

describe('treeDigest', () => {
  it('does not depend on the order of the entries', () => {
    expect(treeDigest([file('a'), file('b')])).toBe(treeDigest([file('b'), file('a')]));
  });

  it.each([
    ['a name', [file('b')]],
    ['the content', [file('a', { sha256: 'b'.repeat(64) })]],
    ['the executable bit', [file('a', { executable: true })]],
    ['a further file', [file('a'), file('b')]],
    ['a link in its place', [{ kind: 'link', path: 'a', target: 'b' } as const]],
  ])('changes with %s', (_what, entries) => {
    expect(treeDigest(entries)).not.toBe(treeDigest([file('a')]));
  });

  it('cannot be led astray by names that look like other entries', () => {
    expect(treeDigest([file('a\n["b"')])).not.toBe(treeDigest([file('a'), file('b')]));
  });
});

describe('linkLeaves', () => {
  it.each([
    ['a', 'b', false],
    ['a/b', '../c', false],
    ['node_modules/.bin/x', '../x/cli.js', false],
    ['a', '../b', true],
    ['a/b', '../../c', true],
    ['a', '/etc/passwd', true],
    ['a', '', true],
    // `d` may be a link to the top, from where the later `..` would climb out.
    ['x/y/a', 'd/../..', true],
  ])('says of %s → %s: %s', (path, target, leaves) => {
    expect(linkLeaves(path, target)).toBe(leaves);
  });

  it('lets no target through that resolves to outside of the tree', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'b');
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 6 }),
        fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 }),
        (target, path) => {
          const link = path.join('/');
          const text = target.join('/');
          if (linkLeaves(link, text)) return;
          const resolved = posix.join(posix.dirname(link), text);
          expect(resolved.startsWith('..') || resolved.startsWith('/')).toBe(false);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
