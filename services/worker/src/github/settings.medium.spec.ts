import { GithubDouble } from '@wherry/github-double';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Github, GithubPlatform, type Row } from '../testing/github-platform';

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
afterEach(async () => expect(await github.violations()).toEqual([]));

/** What the api does: it stores the settings, and asks for what is known to be planned. */
const save = async (githubId: number, settings: object, ref = 'refs/heads/main') => {
  const [row] = await platform.sql(
    'update repositories set settings = $2 where github_id = $1 returning tenant_id, id',
    [githubId, JSON.stringify(settings)],
  );
  await platform.worker.plan({ tenantId: String(row?.tenant_id), repositoryId: String(row?.id), ref });
};
const stacks = { 'a/stack.yml': 'functions: {}\n', 'b/stack.yml': 'functions: {}\n' };
const [a, b] = [{ dir: 'a' }, { dir: 'b' }];
const shown = (rows: Row[]) => rows.map(({ root_dir, status }) => `${String(root_dir)} ${String(status)}`);

describe('settings that change', () => {
  it('deploy a folder that is new, and leave alone what was handled', async () => {
    const { id } = await platform.repository(stacks);
    await save(id, { roots: [a] });
    await platform.goLive(id);
    await save(id, { roots: [a, b] });
    expect((await platform.deployments(id)).map(({ root_dir }) => root_dir).slice(-2)).toEqual(['a', 'b']);
    const before = await platform.deployments(id);
    await save(id, { roots: [a, b] });
    expect(await platform.deployments(id)).toHaveLength(before.length);
  });

  it('take away a folder that is left out by a release without functions, once, also when GitHub does not answer', async () => {
    const { id, sha } = await platform.repository(stacks);
    await save(id, { roots: [a, b] });
    await platform.goLive(id);
    await github.addFault({ match: { path: '^/repos' }, status: 500 });
    for (let times = 0; times < 2; times += 1) await expect(save(id, { roots: [a] })).rejects.toThrow('500');
    await github.clearFaults({});
    const rows = (await platform.deployments(id)).filter(({ root_dir }) => root_dir === 'b');
    expect(shown(rows)).toEqual(['b live', 'b releasing']);
    expect(rows[1]).toMatchObject({ kind: 'production', commit_sha: sha, ref: 'refs/heads/main' });
    const releases = await platform.sql('select status from releases where deployment_id = $1', [rows[1]?.id]);
    expect(releases).toEqual([{ status: 'pending' }]);
    const functions = await platform.sql('select 1 from deployment_functions where deployment_id = $1', [rows[1]?.id]);
    expect(functions).toEqual([]);
  });

  it('cancel what was on its way of a folder that is left out', async () => {
    const { id } = await platform.repository(stacks);
    await save(id, { roots: [a, b] });
    await save(id, { roots: [b] });
    const rows = await platform.deployments(id);
    const asked = rows.filter(({ cancel_requested_at }) => cancel_requested_at !== null);
    expect(asked.map(({ root_dir }) => root_dir)).toContain('a');
    expect(asked.map(({ root_dir }) => root_dir)).not.toContain('b');
  });

  it('deploy the same commit again when a folder is back', async () => {
    const { id, sha } = await platform.repository(stacks);
    await save(id, { roots: [{ ...a, paths: ['a/**'] }, b] });
    await platform.goLive(id);
    await save(id, { roots: [b] });
    await platform.sql(
      `update deployments d set status = case status when 'live' then 'retired' else 'live' end from repositories r
       where r.github_id = $1 and d.repository_id = r.id and d.root_dir = 'a'`,
      [id],
    );
    await save(id, { roots: [{ ...a, paths: ['a/**'] }, b] });
    const newest = (await platform.deployments(id)).findLast(({ root_dir }) => root_dir === 'a');
    expect(newest).toMatchObject({ commit_sha: sha, status: expect.stringMatching('queued|building') });
  });

  it('end previews that are switched off, and the next look finds those that are switched on', async () => {
    const { fullName: repository, id, sha } = await platform.repository();
    await github.setBranch({ repository, branch: 'try', sha });
    await github.push({ repository, branch: 'change', files: { 'a.txt': 'a' } });
    const { number } = await github.openPullRequest({ repository, head: 'change', base: 'main' });
    await platform.handled();
    platform.aheadMs = 180_000;
    await platform.look();
    const previews = async () =>
      (await platform.deployments(id)).flatMap(({ kind, ref, closed_at }) =>
        kind === 'preview' ? [`${String(ref)} ${closed_at === null ? 'open' : 'closed'}`] : [],
      );
    const pull = `refs/pull/${number}/head`;
    expect(await previews()).toEqual([`${pull} open`]);
    await save(id, { previews: { pullRequests: false } }, pull);
    expect(await previews()).toEqual([`${pull} closed`]);
    await save(id, { previews: { pullRequests: true, branches: true } });
    await platform.look();
    const open = [`${pull} open`, 'refs/heads/change open', 'refs/heads/try open'];
    expect([...new Set(await previews())].toSorted()).toEqual(open.toSorted());
  });
});
