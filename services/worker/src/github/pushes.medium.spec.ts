import { execFileSync } from 'node:child_process';
import { GithubDouble } from '@wherry/github-double';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Github, GithubPlatform, stack } from '../testing/github-platform';

let github: Github;
let platform: GithubPlatform;

beforeAll(async () => {
  github = await GithubDouble.start();
  platform = await GithubPlatform.create(github);
  await platform.install();
});
afterAll(async () => {
  await platform.close();
  await github.stop();
});
afterEach(async () => {
  await github.clearFaults({});
  expect(await github.violations()).toEqual([]);
});

const settings = (githubId: number, value: object) =>
  platform.sql('update repositories set settings = $2 where github_id = $1', [githubId, JSON.stringify(value)]);
const shown = (rows: Record<string, unknown>[]) => rows.map(({ commit_sha, status }) => [commit_sha, status]);
const builds = (rows: Record<string, unknown>[]) =>
  rows.filter(({ status }) => ['queued', 'building'].includes(String(status))).map(({ commit_sha }) => commit_sha);

describe('a push', () => {
  it('is deployed to production as trusted, and the former commit gives way', async () => {
    const { fullName: repository, id, sha } = await platform.repository();
    await platform.look();
    const pushed = await github.push({
      repository,
      branch: 'main',
      files: { 'a.txt': 'a' },
      message: 'Add a\n\nMore.',
    });
    await platform.handled();
    const rows = await platform.deployments(id);
    expect(rows.map(({ commit_sha }) => commit_sha)).toEqual([sha, pushed.sha]);
    expect(rows[0]).toMatchObject({ status: 'superseded', superseded_by: rows[1]?.id });
    expect(rows[1]).toMatchObject({ ref: 'refs/heads/main', kind: 'production', trust: 'trusted' });
    expect(rows[1]).toMatchObject({ commit_message: 'Add a', root_dir: '.' });
  });

  it('is fetched with a token that reads this repository and nothing else', async () => {
    const { fullName: repository, id } = await platform.repository();
    const other = await platform.repository();
    await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
    await platform.handled();
    const newest = (await platform.deployments(id)).at(-1);
    await expect.poll(() => platform.platform.keeper.builders.get(String(newest?.id))).toBeDefined();
    const { source } = platform.platform.keeper.builders.get(String(newest?.id))?.[0]?.order ?? {};
    expect(source).toMatchObject({ url: `${github.url}/${repository}.git`, commitSha: newest?.commit_sha });
    const basic = Buffer.from(`x-access-token:${source?.token}`).toString('base64');
    const list = (url: string) =>
      execFileSync(
        'git',
        ['-c', `http.extraHeader=Authorization: Basic ${basic}`, 'ls-remote', url, 'refs/heads/main'],
        {
          ...{ encoding: 'utf8', stdio: 'pipe', env: { PATH: process.env.PATH, GIT_TERMINAL_PROMPT: '0' } },
        },
      );
    expect(list(source?.url ?? '')).toContain(String(newest?.commit_sha));
    expect(() => list(`${github.url}/${other.fullName}.git`)).toThrow();
    expect(await platform.sql(`select id from tokens where repository_id = $1`, [newest?.repository_id])).toEqual([]);
  });

  it('makes one deployment however often, late and mixed up its webhooks come, and the newest commit wins', async () => {
    const { fullName: repository, id } = await platform.repository();
    await platform.look();
    await github.addFault({ match: { event: 'push' }, duplicate: 2, hold: true });
    let last = '';
    for (const name of ['a', 'b', 'c']) {
      last = (await github.push({ repository, branch: 'main', files: { [name]: name } })).sha;
    }
    await github.release({ seed: 7 });
    await platform.handled();
    const rows = await platform.deployments(id);
    expect(builds(rows)).toEqual([last]);
    expect(new Set(rows.map(({ commit_sha }) => commit_sha)).size).toBe(rows.length);
  });

  it('by force is deployed like any other', async () => {
    const { fullName: repository, id, sha } = await platform.repository();
    await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
    const forced = await github.push({ repository, branch: 'main', files: { 'b.txt': 'b' }, parent: sha, force: true });
    await platform.handled();
    expect(builds(await platform.deployments(id))).toEqual([forced.sha]);
  });

  it.each(['change', 'pr-12', '012345678', 'feature/x', '--upload-pack=x', 'ünï'])(
    'to another branch (%s) is deployed only when previews of branches are on, and removed with the branch',
    async (branch) => {
      const { fullName: repository, id } = await platform.repository();
      await github.push({ repository, branch, files: stack });
      await platform.handled();
      expect((await platform.deployments(id)).filter(({ kind }) => kind === 'preview')).toEqual([]);
      await settings(id, { previews: { branches: true } });
      const { sha } = await github.push({ repository, branch, files: { 'a.txt': branch } });
      await platform.handled();
      const [preview] = (await platform.deployments(id)).filter(({ kind }) => kind === 'preview');
      expect(preview).toMatchObject({ commit_sha: sha, ref: `refs/heads/${branch}`, closed_at: null });
      await github.deleteBranch({ repository, branch });
      await platform.handled();
      const [closed] = (await platform.deployments(id)).filter(({ kind }) => kind === 'preview');
      expect(closed?.closed_at).not.toBeNull();
      await expect
        .poll(async () => (await platform.deployments(id)).find(({ kind }) => kind === 'preview')?.status)
        .toBe('cancelled');
    },
  );

  it('of a tag is ignored, and says so', async () => {
    const { fullName: repository } = await platform.repository();
    await github.createTag({ repository, tag: 'v1' });
    const rows = await platform.handled();
    expect(rows.at(-1)).toMatchObject({ status: 'ignored' });
  });

  it('that asks for it is skipped', async () => {
    const { fullName: repository, id } = await platform.repository();
    const { sha } = await github.push({ repository, branch: 'main', files: { a: 'a' }, message: 'Typo [skip wherry]' });
    await platform.handled();
    expect((await platform.deployments(id)).at(-1)).toMatchObject({ commit_sha: sha, status: 'skipped' });
  });

  it('to a repository without a stack file says once that there is nothing to deploy', async () => {
    const { fullName: repository, id } = await platform.repository({ 'README.md': 'Nothing.' });
    for (const name of ['a', 'b']) await github.push({ repository, branch: 'main', files: { [name]: name } });
    await platform.handled();
    await platform.look();
    const rows = await platform.deployments(id);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ status: 'skipped', reason: expect.stringContaining('there is no stack.yml') });
    const found = await github.push({ repository, branch: 'main', files: stack });
    await platform.handled();
    expect(builds(await platform.deployments(id))).toEqual([found.sha]);
  });
});

describe('the settings of a repository', () => {
  it('deploy several stacks, each only when something it cares for has changed since it was live', async () => {
    const { fullName: repository, id } = await platform.repository({
      ...{ 'api/stack.yml': 'functions: {}\n', 'web/stack.yml': 'functions: {}\n', 'lib/a.txt': 'a' },
    });
    await platform.look();
    const roots = [
      { dir: 'api', paths: ['api/', 'lib/'] },
      { dir: 'web', paths: ['web/'] },
    ];
    await settings(id, { roots });
    const both = await github.push({ repository, branch: 'main', files: { 'README.md': 'Both.' } });
    await platform.handled();
    const at = async (sha: string) =>
      (await platform.deployments(id))
        .filter(({ commit_sha }) => commit_sha === sha)
        .map(({ root_dir, status, reason }) => [root_dir, status === 'skipped' ? reason : 'built'])
        .toSorted();
    expect(await at(both.sha)).toEqual([
      ['api', 'built'],
      ['web', 'built'],
    ]);
    await platform.goLive(id);
    await github.push({ repository, branch: 'main', files: { 'README.md': 'Again.' } });
    const one = await github.push({ repository, branch: 'main', files: { 'lib/a.txt': null } });
    await platform.handled();
    const skipped = `Nothing that its paths name has changed since ${both.sha.slice(0, 7)}, which is live.`;
    expect(await at(one.sha)).toEqual([
      ['api', 'built'],
      ['web', skipped],
    ]);
  });

  it('hold a commit back until the checks of others have passed, and skip it when one fails', async () => {
    const { fullName: repository, id } = await platform.repository();
    await settings(id, { waitForChecks: true });
    const check = (sha: string, status: 'in_progress' | 'completed', conclusion?: 'success' | 'failure') =>
      github.otherCheck({ repository, sha, name: 'tests', status, ...(conclusion && { conclusion }) });
    const good = await github.push({ repository, branch: 'main', files: { a: 'a' } });
    await check(good.sha, 'in_progress');
    await platform.handled();
    await platform.look();
    expect(shown(await platform.deployments(id)).filter(([sha]) => sha === good.sha)).toEqual([]);
    await check(good.sha, 'completed', 'success');
    await platform.handled();
    expect(builds(await platform.deployments(id))).toContain(good.sha);
    const bad = await github.push({ repository, branch: 'main', files: { b: 'b' } });
    await check(bad.sha, 'completed', 'failure');
    await platform.handled();
    await platform.look();
    const last = (await platform.deployments(id)).find(({ commit_sha }) => commit_sha === bad.sha);
    expect(last).toMatchObject({ status: 'skipped', reason: expect.stringContaining('"tests" failed') });
  });
});
