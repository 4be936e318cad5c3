import { repositoryNameProblem, tenantSlugProblem } from '@wherry/domain';
import { describe, expect, it } from 'vitest';
import { repositoryNames, tenantSlugs } from './github-names';

describe('tenantSlugs', () => {
  it.each([
    ['Acme', 'acme'],
    ['acme-inc', 'acme-inc'],
    ['api', 'gh-api'],
    ['a--b', 'a-b'],
    ['-acme-', 'acme'],
    ['acme_emu', 'acme-emu'],
    ['x'.repeat(39), 'x'.repeat(32)],
  ])('makes of the login %s the slug %s first', (login, slug) => {
    expect(tenantSlugs(login, '0123456789')[0]).toBe(slug);
  });

  it.each(['Acme', 'console', 'x'.repeat(39), '---', 'é'])(
    'offers several slugs for %s, all valid and different',
    (login) => {
      const slugs = tenantSlugs(login, 'abcdefghij');
      expect(slugs.length).toBeGreaterThan(5);
      expect(new Set(slugs).size).toBe(slugs.length);
      expect(slugs.map(tenantSlugProblem)).toEqual(slugs.map(() => null));
      expect(slugs.at(-1)).toContain('abcdefg');
    },
  );
});

describe('repositoryNames', () => {
  it.each([
    ['Shop', 'shop'],
    ['shop.js', 'shop.js'],
    ['.github', 'github'],
    ['a..b', 'a.b'],
    ['shop.git', 'shop'],
    ['---', 'repository'],
    ['y'.repeat(100), 'y'.repeat(50)],
  ])('makes of %s the name %s first', (name, first) => {
    const names = repositoryNames(name, 12345);
    expect(names[0]).toBe(first);
    expect(names.map(repositoryNameProblem)).toEqual(names.map(() => null));
    expect(names.at(-1)).toMatch(/-12345$/);
  });
});
