import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BareRepository } from './bare-repository';
import { runGit } from './run-git';

const author = { name: 'ada', email: 'ada@example.com' };
let folder: string;
let git: BareRepository;
let other: BareRepository;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bare-repository-'));
  git = await BareRepository.create(path.join(folder, 'one.git'), 'main');
  other = await BareRepository.create(path.join(folder, 'other.git'), 'main');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const commit = (to: BareRepository, branch: string) =>
  to.commit({ branch, parent: null, message: branch, author, seconds: 1, files: { a: branch } });

it('tells of refs as they are, whichever way they moved', async () => {
  expect(await git.refs()).toEqual(new Map());
  const main = await commit(git, 'main');
  expect(await git.ref('refs/heads/main')).toBe(main);
  await git.setRef('refs/tags/v1', main);
  expect(await git.ref('refs/tags/v1')).toBe(main);
  await git.deleteRef('refs/tags/v1');
  expect(await git.ref('refs/tags/v1')).toBeUndefined();
  const next = await commit(other, 'next');
  await git.copyBranches(other);
  expect(await git.ref('refs/heads/next')).toBe(next);
  await git.moving(() => runGit(git.folder, ['update-ref', 'refs/heads/next', main]));
  expect(await git.ref('refs/heads/next')).toBe(main);
});

it('finds an object that was missing when it was asked for before', async () => {
  const sha = await commit(other, 'main');
  expect(await git.resolve(sha)).toBeUndefined();
  await git.fetch(other, sha, 'refs/pull/1/head');
  expect(await git.resolve(sha)).toBe(sha);
  expect(await git.oneCommit(sha)).toMatchObject({ sha, message: 'main', parents: [] });
});
