import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  functionNameOfRepository,
  functionNameProblem,
  hostLabel,
  repositoryNameProblem,
  tenantSlugProblem,
  type HostTarget,
} from './names';

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/);
const slug = label.filter((text) => tenantSlugProblem(text) === null);
const free = fc.string({ unit: 'binary', minLength: 1, maxLength: 80 });
const target: fc.Arbitrary<HostTarget> = fc.oneof(
  fc.record({ kind: fc.constant('production' as const), tenant: slug }),
  fc.record({ kind: fc.constant('pull-request' as const), number: fc.nat(), repository: free, tenant: slug }),
  fc.record({ kind: fc.constant('branch' as const), branch: free, repository: free, tenant: slug }),
  fc.record({ kind: fc.constant('deployment' as const), deploymentId: label, tenant: slug }),
);

describe('hostLabel', () => {
  it('is always one DNS label of at most 63 characters', () => {
    fc.assert(
      fc.property(target, (one) => {
        expect(hostLabel(one)).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      }),
    );
  });

  it('is never the same for two targets', () => {
    fc.assert(
      fc.property(target, target, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(hostLabel(one)).not.toBe(hostLabel(other));
      }),
    );
    // Parts that would run into each other where they are joined.
    const branch = (name: string, repository: string) =>
      hostLabel({ kind: 'branch', branch: name, repository, tenant: 'acme' });
    expect(branch('a--b', 'c')).not.toBe(branch('a', 'b--c'));
    expect(branch('a-', 'b')).not.toBe(branch('a', '-b'));
    expect(branch('Main', 'c')).not.toBe(branch('main', 'c'));
  });

  it('can be read where the parts are plain', () => {
    expect(hostLabel({ kind: 'production', tenant: 'acme' })).toBe('acme');
    expect(hostLabel({ kind: 'pull-request', number: 12, repository: 'shop', tenant: 'acme' })).toBe(
      'pr-12--shop--acme',
    );
    expect(hostLabel({ kind: 'branch', branch: 'next', repository: 'shop', tenant: 'acme' })).toBe(
      'b-next--shop--acme',
    );
    expect(hostLabel({ kind: 'deployment', deploymentId: 'dep_0abc', tenant: 'acme' })).toBe('d-0abc--acme');
  });
});

describe('names', () => {
  it.each(['hello', 'a', '0', 'a-b', 'a--b', 'x'.repeat(63)])('lets a function be called %s', (name) => {
    expect(functionNameProblem(name)).toBeNull();
  });
  it.each(['', '-a', 'a-', 'Hello', 'a.b', 'a_b', 'a b', 'ä', 'a\n', 'x'.repeat(64), 'function', 'system', '_', 'ui'])(
    'lets no function be called %j, and says why',
    (name) => {
      expect(functionNameProblem(name)).toMatch(/[a-z].*\.$/);
    },
  );

  it.each(['acme', 'a-b', 'x'.repeat(40)])('lets a tenant be %s', (name) => {
    expect(tenantSlugProblem(name)).toBeNull();
  });
  it.each(['', 'a--b', 'Acme', 'x'.repeat(41), 'console', 'gateway', 'api', 'www', 'async', 'a.b', 'a\n'])(
    'lets no tenant be %j, and says why',
    (name) => {
      expect(tenantSlugProblem(name)).toMatch(/[a-z].*\.$/);
    },
  );

  it.each(['shop', 'my.app_2', 'x'.repeat(60)])('lets a repository be called %s', (name) => {
    expect(repositoryNameProblem(name)).toBeNull();
  });
  it.each(['', '.git', 'a.git', 'a..b', '../a', 'a/b', 'Shop', '-rf', 'x'.repeat(61), 'a\n'])(
    'lets no repository be called %j, and says why',
    (name) => {
      expect(repositoryNameProblem(name)).toMatch(/[a-z].*\.$/);
    },
  );

  it('makes a function name of every repository name, unless that one is reserved', () => {
    const repository = free.filter((name) => repositoryNameProblem(name) === null);
    const plain = fc.stringMatching(/^[a-z0-9]([-_.a-z0-9]{0,40}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.oneof(repository, plain), (name) => {
        const problem = functionNameProblem(functionNameOfRepository(name));
        expect(problem === null || problem.includes('reserved')).toBe(true);
      }),
    );
    expect(functionNameOfRepository('my.app_2')).toBe('my-app-2');
  });
});
