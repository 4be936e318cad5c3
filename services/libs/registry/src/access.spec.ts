import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Grant, intersect, isBelow, isRepositoryName, parseScopes, registryActions } from './access';

const segment = fc.stringMatching(/^[a-z0-9]{1,4}$/);
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
const actions = fc.uniqueArray(fc.constantFrom(...registryActions), { minLength: 1 });
const grant: fc.Arbitrary<Grant> = fc.record({ below: path, actions });
/** Names near a path: what somebody would try who wants to leave it. */
const trick = fc.constantFrom(
  '',
  '/',
  '..',
  '/..',
  '/../',
  '2',
  '-',
  '_',
  '*',
  '/*',
  '//',
  '%2f..',
  ':',
  ' ',
  '\0',
  '.',
  'A',
);
const hostile = fc
  .tuple(fc.oneof(path, trick), trick, fc.oneof(path, trick, fc.string()))
  .map((parts) => parts.join(''));
const askedActions = fc.array(fc.oneof(fc.constantFrom('pull', 'push', 'delete', '*', ''), fc.string()));

describe('names of repositories', () => {
  it.each(['a', 'tenant/trusted/hello', 'a-b/c.d/e_f/g__h/i--j', '0'])('may be %j', (name) => {
    expect(isRepositoryName(name)).toBe(true);
  });

  it.each([
    ...[
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      '.',
      '..',
      'a/..',
      'a/../b',
      './a',
      'A',
      'tenant/Trusted',
      '*',
      'a/*',
      'a b',
      'a\n',
    ],
    ...['a:b', 'a%2fb', 'a\0', '-a', 'a-', 'a..b', 'a___b', 'ä', 'a'.repeat(256)],
  ])('may not be %j', (name) => {
    expect(isRepositoryName(name)).toBe(false);
  });
});

describe('a path', () => {
  it('holds itself and what is below it, by whole segments', () => {
    expect(isBelow('tenant', 'tenant')).toBe(true);
    expect(isBelow('tenant/trusted/hello', 'tenant/trusted')).toBe(true);
    expect(isBelow('tenant', 'tenant/trusted')).toBe(false);
  });

  it.each([
    ...['tenant2', 'tenant2/a', 'tenant-2', 'tenant.a', 'tenan', 'Tenant/a', 'TENANT', 'tenant/../other', 'tenant/..'],
    ...['', '*', 'tenant/*', '/tenant', 'tenant/', 'tenant//a', 'other/tenant', './tenant'],
  ])('does not hold %j', (name) => {
    expect(isBelow(name, 'tenant')).toBe(false);
  });

  it.each(['', '*', '/', '.', '..', 'Tenant'])('that is %j holds nothing', (below) => {
    for (const name of ['tenant', 'tenant/a', below, `${below}/a`]) expect(isBelow(name, below)).toBe(false);
  });
});

describe('scopes', () => {
  it('are read from several parameters and from one with spaces', () => {
    expect(
      parseScopes(['repository:a/b:pull,push', 'repository:c:pull repository:d:delete', 'registry:catalog:*']),
    ).toEqual([
      { type: 'repository', name: 'a/b', actions: ['pull', 'push'] },
      { type: 'repository', name: 'c', actions: ['pull'] },
      { type: 'repository', name: 'd', actions: ['delete'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ]);
  });

  it.each([
    ...['', ':', '::', 'repository', 'repository:a', 'repository::pull', 'repository:A:pull', 'repository:../a:pull'],
    ...['repository:host:5000/a:pull', 'repository(plugin):a:pull', 'registry:catalog:pull', 'registry:*:*', '*:*:*'],
  ])('that are %j ask for nothing', (scope) => {
    expect(parseScopes([scope])).toEqual([]);
  });

  it('never ask for the action that registries read as everything', () => {
    expect(parseScopes(['repository:a:*'])).toEqual([{ type: 'repository', name: 'a', actions: [] }]);
  });

  it('beyond fifty are left out', () => {
    expect(parseScopes(Array.from({ length: 60 }, (_, n) => `repository:a${n}:pull`))).toHaveLength(50);
  });
});

describe('what is allowed', () => {
  const everywhere: Grant = { everywhere: true, actions: ['pull', 'delete'] };

  it('is what is both asked and named, once for each repository', () => {
    const grants: Grant[] = [
      { below: 'a/b', actions: ['pull', 'push'] },
      { below: 'a', actions: ['pull'] },
    ];
    const asked = parseScopes([
      'repository:a/b/c:pull',
      'repository:a/b/c:push,delete',
      'repository:a/x:push,pull repository:z:pull',
    ]);
    expect(intersect(asked, grants)).toEqual([
      { type: 'repository', name: 'a/b/c', actions: ['pull', 'push'] },
      { type: 'repository', name: 'a/x', actions: ['pull'] },
    ]);
  });

  it('holds the list of all repositories only for who may pull from all', () => {
    const asked = parseScopes(['registry:catalog:*']);
    expect(intersect(asked, [everywhere])).toEqual(asked);
    expect(intersect(asked, [{ everywhere: true, actions: ['delete'] }])).toEqual([]);
    expect(intersect(asked, [{ below: 'catalog', actions: ['pull'] }])).toEqual([]);
  });

  it('is everything asked where the credential names the whole registry', () => {
    expect(intersect(parseScopes(['repository:a/b:pull,push,delete']), [everywhere])).toEqual([
      { type: 'repository', name: 'a/b', actions: ['pull', 'delete'] },
    ]);
  });

  it('is never more than a grant names, whatever is asked', () => {
    const scope = fc
      .tuple(
        fc.constantFrom('repository', 'registry', 'repository(plugin)', '*'),
        fc.oneof(path, hostile),
        askedActions,
      )
      .map(([type, name, asked]) => `${type}:${name}:${asked.join(',')}`);
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 3 }), fc.array(fc.oneof(scope, fc.string())), (grants, scopes) => {
        for (const access of intersect(parseScopes(scopes), grants)) {
          expect(access.type).toBe('repository');
          for (const action of access.actions) {
            const giver = grants.find(
              (grant) =>
                'below' in grant &&
                grant.actions.some((given) => given === action) &&
                grant.below.split('/').every((part, at) => access.name.split('/')[at] === part),
            );
            expect(giver, `${action} on ${access.name}`).toBeDefined();
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is never more than was asked, and all of it where a grant names it', () => {
    fc.assert(
      fc.property(path, fc.array(segment, { maxLength: 2 }), actions, actions, (below, more, given, asked) => {
        const name = [below, ...more].join('/');
        const access = intersect(parseScopes([`repository:${name}:${asked.join(',')}`]), [{ below, actions: given }]);
        const both = registryActions.filter((action) => given.includes(action) && asked.includes(action));
        expect(access).toEqual(both.length === 0 ? [] : [{ type: 'repository', name, actions: both }]);
      }),
    );
  });
});
