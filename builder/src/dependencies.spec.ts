import { describe, expect, it } from 'vitest';
import { BuildFailure } from './build-failure';
import { cacheKey, packagesWithScripts, planNpm, planPip } from './dependencies';

const npm = (manifest: object, lockfile: string | null = null) => planNpm(JSON.stringify(manifest), lockfile, null);
const key = (manifest: object, lockfile: string | null = null) =>
  cacheKey(npm(manifest, lockfile).inputs ?? [], ['node']);

describe('planNpm', () => {
  it('installs nothing without dependencies', () => {
    expect(npm({ name: 'a' })).toMatchObject({ hasPackages: false, runsScripts: false });
    expect(npm({ devDependencies: { x: '1' } })).toMatchObject({ hasPackages: false });
  });

  it('installs development dependencies for a build script only', () => {
    expect(npm({ devDependencies: { x: '1' }, scripts: { build: 'make' } })).toMatchObject({
      ...{ hasPackages: true, hasBuildScript: true, runsScripts: true },
    });
  });

  it('has one cache key for the same lockfile, whatever else package.json says', () => {
    const dependencies = { x: '1' };
    expect(key({ dependencies, scripts: { test: 'a' }, description: 'b' }, '{}')).toBe(key({ dependencies }, '{}'));
    expect(key({ dependencies }, '{"a":1}')).not.toBe(key({ dependencies }, '{}'));
    expect(key({ dependencies: { x: '2' } })).not.toBe(key({ dependencies }));
  });

  it.each([
    ['scripts of its own', { dependencies: { x: '1' }, scripts: { postinstall: 'node fetch.js' } }],
    ['a dependency in its own folder', { dependencies: { x: 'file:./x' } }],
    ['workspaces', { workspaces: ['packages/*'] }],
  ])('does not cache an installation with %s', (_what, manifest) => {
    expect(npm(manifest).inputs).toBeNull();
  });

  it.each(['', '[]', 'null', '{', '"text"'])('refuses %j with a sentence', (text) => {
    expect(() => planNpm(text, null, null)).toThrow(BuildFailure);
  });
});

describe('planPip', () => {
  it('ignores comments and blank lines', () => {
    expect(planPip('# nothing\n\n')).toMatchObject({ hasPackages: false });
    expect(planPip('six==1.16.0 # why\n').inputs).toEqual(planPip('six==1.16.0').inputs);
  });

  it.each(['-r other.txt', '-e .', './wheel.whl', '-c limits.txt', 'x @ file:x'])('does not cache "%s"', (line) => {
    expect(planPip(`six==1\n${line}\n`).inputs).toBeNull();
  });

  it('tells whether versions are pinned', () => {
    expect(planPip('six==1').hasLockfile).toBe(true);
    expect(planPip('six==1\nrequests>=2').hasLockfile).toBe(false);
  });
});

it('names the packages that would run scripts', () => {
  const record = { packages: { 'node_modules/a/node_modules/@s/b': { hasInstallScript: true }, 'node_modules/c': {} } };
  expect(packagesWithScripts(JSON.stringify(record))).toEqual(['@s/b']);
});
