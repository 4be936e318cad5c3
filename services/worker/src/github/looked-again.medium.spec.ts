import { GithubDouble } from '@wherry/github-double';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Github, GithubPlatform } from '../testing/github-platform';

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
  platform.aheadMs = 0;
  expect(await github.violations()).toEqual([]);
});

const settings = async (githubId: number, value: object) => {
  const [row] = await platform.sql(
    'update repositories set settings = $2 where github_id = $1 returning tenant_id, id',
    [githubId, JSON.stringify(value)],
  );
  return { tenantId: String(row?.tenant_id), repositoryId: String(row?.id) };
};
/** What was made of a commit: its folders, and why they were skipped if they were. */
const became = async (githubId: number, sha: string) => {
  await platform.handled();
  const rows = (await platform.deployments(githubId)).filter(({ commit_sha }) => commit_sha === sha);
  return rows.map(({ root_dir, trust, status, reason }) =>
    status === 'skipped' ? `skipped: ${String(reason)}` : `${String(root_dir)} ${String(trust)}`,
  );
};
const skipped = (words: string) => expect.stringMatching(`^skipped: .*${words}`);

async function pull(
  more: Readonly<{ author?: string; title?: string; base?: string; files?: Record<string, string> }>,
) {
  const { fullName: repository, id, sha: first } = await platform.repository();
  await github.setPermission({ repository, login: 'mallory', permission: 'read' });
  const { base = 'main', files = { 'a.txt': 'a' }, ...rest } = more;
  if (base !== 'main') await github.setBranch({ repository, branch: base, sha: first });
  if ('files' in more) await settings(id, { roots: [{ dir: '.', paths: ['src/'] }] });
  const { sha } = await github.push({ repository, branch: 'change', files });
  const { number } = await github.openPullRequest({ repository, head: 'change', base, author: 'ada', ...rest });
  return { repository, id, sha, number };
}

describe('a plan that GitHub refuses', () => {
  const roots = [{ dir: 'a' }, { dir: 'b' }];
  const stacks = { 'a/stack.yml': 'functions: {}\n', 'b/stack.yml': 'functions: {}\n' };

  it('fails its delivery with what to do, deploys no part of the commit, and is made by the look after it', async () => {
    const { fullName: repository, id } = await platform.repository(stacks);
    await settings(id, { roots });
    await platform.look();
    await github.addFault({ match: { path: `^/repositories/${id}/contents/b` }, status: 403 });
    const { sha } = await github.push({ repository, branch: 'change', files: { 'a.txt': 'a' } });
    await github.openPullRequest({ repository, head: 'change', base: 'main' });
    const told = (await platform.handled()).findLast(({ event }) => event === 'pull_request');
    expect(told).toMatchObject({ status: 'failed', outcome: expect.stringContaining('cannot be read on GitHub.') });
    platform.aheadMs = 180_000;
    for (let times = 0; times < 2; times += 1) await platform.look();
    expect(await became(id, sha)).toEqual([]);
    await github.clearFaults({});
    await platform.look();
    expect(await became(id, sha)).toEqual(['a trusted', 'b trusted']);
  });

  it('is made for a folder that the newest commit has no deployment in, however that came', async () => {
    const { fullName: repository, id } = await platform.repository(stacks);
    await settings(id, { roots: roots.slice(0, 1) });
    const { sha } = await github.push({ repository, branch: 'change', files: { 'a.txt': 'a' } });
    await github.openPullRequest({ repository, head: 'change', base: 'main' });
    expect(await became(id, sha)).toEqual(['a trusted']);
    await settings(id, { roots });
    await platform.look();
    expect(await became(id, sha)).toEqual(['a trusted', 'b trusted']);
  });
});

describe('a pull request that was skipped', () => {
  it('is built apart when the settings allow code of outsiders', async () => {
    const { id, sha, number } = await pull({ author: 'mallory' });
    expect(await became(id, sha)).toEqual([skipped('mallory may not write')]);
    const repository = await settings(id, { previews: { outsiders: 'isolated' } });
    await platform.worker.plan({ ...repository, ref: `refs/pull/${number}/head` });
    expect(await became(id, sha)).toEqual([skipped('mallory may not write'), '. untrusted']);
  });

  it('is built when its author may write from now on', async () => {
    const { repository, id, sha } = await pull({ author: 'mallory' });
    expect(await became(id, sha)).toEqual([skipped('mallory may not write')]);
    await github.setPermission({ repository, login: 'mallory', permission: 'write' });
    expect(await became(id, sha)).toEqual([skipped('mallory may not write'), '. trusted']);
  });

  it('is built when its title asks no more to skip it', async () => {
    const { repository, id, sha, number } = await pull({ title: 'Not yet [skip ci]' });
    expect(await became(id, sha)).toEqual([skipped('title of the pull request asks for it')]);
    await github.editPullRequest({ repository, number, title: 'Now' });
    expect(await became(id, sha)).toEqual([skipped('title of the pull request asks for it'), '. trusted']);
  });
});

describe('the path filters of a pull request', () => {
  const many = Object.fromEntries(Array.from({ length: 301 }, (_, index) => [`docs/${index}.md`, 'a']));

  const cases: [what: string, files: Record<string, string>, expected: unknown][] = [
    ['is skipped when nothing of them differs from its base', { 'README.md': 'a' }, skipped('compared with the base')],
    ['is built when something of them differs from its base', { 'src/a.txt': 'a' }, '. trusted'],
    ['is built when GitHub does not list all that differs', many, '. trusted'],
  ];

  it.each(cases)('%s, a branch with a slash', async (_what, files, expected) => {
    const { id, sha } = await pull({ base: 'release/1.0', files });
    expect(await became(id, sha)).toEqual([expected]);
  });
});

describe('an event', () => {
  type Pull = Awaited<ReturnType<typeof pull>>;
  let made: Promise<Pull> | undefined;
  const organisation = 'acme';
  const members = /^The members were compared/;
  const looked = /^Looked at refs\/pull\/\d+\/head\.$/;
  const acts: [name: string, act: (of: Pull) => Promise<unknown>, outcome: RegExp][] = [
    ['pull_request converted_to_draft', (of) => github.convertToDraft(of), looked],
    ['pull_request ready_for_review', (of) => github.readyForReview(of), looked],
    ['pull_request edited', (of) => github.editPullRequest({ ...of, title: 'Another' }), looked],
    ['check_suite rerequested', (of) => github.rerequestCheckSuite({ ...of, author: 'ada' }), looked],
    ['team created', () => github.createTeam({ organisation, slug: 'makers' }), members],
    [
      'membership added',
      async () => {
        await github.createTeam({ organisation, slug: 'testers' });
        await github.addTeamMember({ organisation, slug: 'testers', login: 'grace' });
      },
      members,
    ],
    ['member edited', (of) => github.setPermission({ ...of, login: 'mallory', permission: 'triage' }), members],
  ];

  it.each(acts)('(%s) is followed by a look at what it is about', async (name, act, outcome) => {
    const of = await (made ??= pull({}));
    await platform.handled();
    await act(of);
    const rows = await platform.handled();
    const [event, action] = name.split(' ');
    const sent = (await github.deliveries({})).find((each) => each.event === event && each.action === action);
    const told = rows.find(({ id }) => id === sent?.guid);
    expect(told).toMatchObject({ status: 'done', outcome: expect.stringMatching(outcome) });
  });

  it('that permissions were accepted has every repository looked at again', async () => {
    const { id } = await platform.repository();
    platform.aheadMs = 180_000;
    await platform.look();
    const lookedAt = async () => {
      const [known] = await platform.sql('select looked_at from repositories where github_id = $1', [id]);
      return Number(known?.looked_at);
    };
    const before = await lookedAt();
    const { installationId } = platform;
    const [row] = await platform.sql('select permissions from github_installations');
    const permissions = { ...(row?.permissions as Record<string, string>), actions: 'read' };
    await github.setInstallationPermissions({ installationId, permissions });
    const told = (await platform.handled()).findLast(({ event }) => event === 'installation');
    expect(told).toMatchObject({ status: 'done', outcome: expect.stringContaining('The installation has') });
    await expect.poll(lookedAt, { timeout: 20_000 }).toBeGreaterThan(before);
  });
});
