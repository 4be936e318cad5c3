import { repositoryNameProblem, tenantSlugProblem } from '@wherry/domain';

/**
 * Slugs for the tenant of a GitHub account, the best first: its login made valid, then with a number, for the slug may
 * be somebody else's. They end; after the last, `unique` makes one that nobody has.
 * @param unique lower-case letters and digits, such as those of an id.
 */
export function tenantSlugs(login: string, unique: string): string[] {
  const plain = login
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32)
    .replace(/-+$/, '');
  const base = plain !== '' && tenantSlugProblem(plain) === null ? plain : `gh-${plain}`.replace(/-+$/, '');
  return [base, ...numbered(base), `${base}-${unique.slice(0, 7)}`].filter((slug) => tenantSlugProblem(slug) === null);
}

/** Names for a repository on GitHub, the best first: `name` made valid, then with a number. `githubId` makes the last. */
export function repositoryNames(name: string, githubId: number): string[] {
  const plain = name
    .toLowerCase()
    .replace(/[^-_.a-z0-9]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/(\.git)+$/, '')
    .slice(0, 50)
    .replace(/^[-_.]+|[-_.]+$/g, '');
  const base = repositoryNameProblem(plain) === null ? plain : 'repository';
  return [base, ...numbered(base), `${base.slice(0, 40)}-${githubId}`].filter(
    (each) => repositoryNameProblem(each) === null,
  );
}

function numbered(base: string): string[] {
  return Array.from({ length: 8 }, (_, index) => `${base}-${index + 2}`);
}
