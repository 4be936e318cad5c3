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
afterEach(async () => {
  expect(await github.violations()).toEqual([]);
});

const soon = { timeout: 40_000, interval: 100 };

const previews = async (githubId: number): Promise<Row[]> =>
  (await platform.deployments(githubId)).filter(({ kind }) => kind === 'preview');

/** A pull request from a branch of the repository itself. */
async function openPull(author = 'ada') {
  const { fullName: repository, id } = await platform.repository();
  const { sha } = await github.push({ repository, branch: 'change', files: { 'a.txt': 'a' } });
  const { number } = await github.openPullRequest({ repository, head: 'change', base: 'main', author });
  await platform.handled();
  return { repository, id, sha, number };
}

/** A pull request from a fork of `mallory`. */
async function openFork(settings?: object) {
  const { fullName: repository, id } = await platform.repository();
  if (settings) {
    await platform.sql('update repositories set settings = $2 where github_id = $1', [id, JSON.stringify(settings)]);
  }
  await github.setPermission({ repository, login: 'mallory', permission: 'read' });
  const fork = (await github.forkRepository({ repository, owner: 'mallory' })).fullName;
  const push = (content: string) =>
    github.push({ repository: fork, branch: 'change', files: { 'a.txt': content }, author: 'mallory' });
  const { sha } = await push('a');
  const { number } = await github.openPullRequest({
    repository,
    head: 'change',
    base: 'main',
    author: 'mallory',
    fork,
  });
  await platform.handled();
  const comment = async (author: string, body: string) => {
    await github.comment({ repository, number, author, body });
    return (await platform.handled()).findLast(({ event }) => event === 'issue_comment');
  };
  return { repository, id, sha, number, push, comment };
}

describe('a pull request', () => {
  it('has a preview of its own under its own label, with every push of it', async () => {
    const { repository, id, sha, number } = await openPull();
    const [first] = await previews(id);
    const name = repository.split('/')[1];
    expect(first).toMatchObject({
      commit_sha: sha,
      ref: `refs/pull/${number}/head`,
      trust: 'trusted',
      closed_at: null,
    });
    expect(first).toMatchObject({ label: `pr-${number}--${name}--acme` });
    const next = await github.push({ repository, branch: 'change', files: { 'a.txt': 'b' } });
    await platform.handled();
    const rows = await previews(id);
    expect(rows.map(({ commit_sha }) => commit_sha)).toEqual([sha, next.sha]);
    expect(new Set(rows.map(({ environment_id }) => environment_id)).size).toBe(1);
  });

  it('closes its preview when it is closed or merged, and opens it again with its commit', async () => {
    const { repository, id, sha, number } = await openPull();
    await github.closePullRequest({ repository, number });
    await platform.handled();
    const [closed] = await previews(id);
    expect(closed).toMatchObject({ closed_at: expect.any(Date) });
    await expect.poll(async () => (await previews(id))[0]?.status).toBe('cancelled');
    await github.reopenPullRequest({ repository, number });
    await platform.handled();
    const rows = await previews(id);
    expect(rows.map(({ commit_sha, closed_at }) => [commit_sha, closed_at])).toEqual([
      [sha, null],
      [sha, null],
    ]);
    await github.mergePullRequest({ repository, number });
    await platform.handled();
    expect((await previews(id)).at(-1)).toMatchObject({ closed_at: expect.any(Date) });
    const ended = await platform.sql(`select actor_kind, action, details from audit_log where target = $1`, [
      `preview/${String((await previews(id))[0]?.environment_name)}`,
    ]);
    const row = {
      actor_kind: 'github',
      action: 'preview.end',
      details: { reason: `Pull request #${number} was closed.` },
    };
    expect(ended, 'one row for each time that it was closed').toEqual([row, row]);
  });

  it('keeps its preview for the days that the settings say, and gets it back with the next push', async () => {
    const { repository, id } = await openPull();
    await platform.sql(`update environments set expires_at = now() - interval '1 second' where id = $1`, [
      (await previews(id))[0]?.environment_id,
    ]);
    await platform.look();
    const [ended] = await previews(id);
    expect(ended).toMatchObject({ closed_at: expect.any(Date) });
    expect(
      await platform.sql(`select actor_kind, action from audit_log where target = $1`, [
        `preview/${String(ended?.environment_name)}`,
      ]),
    ).toEqual([{ actor_kind: 'platform', action: 'preview.end' }]);
    await platform.look();
    expect(await previews(id)).toHaveLength(1);
    await github.push({ repository, branch: 'change', files: { 'a.txt': 'again' } });
    await platform.handled();
    expect((await previews(id)).at(-1)).toMatchObject({ closed_at: null });
  });

  it('between two branches, opened by somebody who may not write, is not trusted', async () => {
    const { fullName: repository, id } = await platform.repository();
    await github.setPermission({ repository, login: 'mallory', permission: 'read' });
    await github.push({ repository, branch: 'change', files: { 'a.txt': 'a' } });
    await github.openPullRequest({ repository, head: 'change', base: 'main', author: 'mallory' });
    await platform.handled();
    const [only] = await previews(id);
    expect(only).toMatchObject({ status: 'skipped', trust: 'untrusted' });
    expect(only?.reason).toContain('mallory may not write to this repository');
  });
});

describe('code from a fork', () => {
  it('is not built, and its check does not pass but says which comment lets exactly this commit run', async () => {
    const { repository, id, sha } = await openFork();
    const [only, ...more] = await previews(id);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ commit_sha: sha, status: 'skipped', trust: 'untrusted' });
    expect(only?.reason).toContain(`/deploy ${sha}`);
    const checks = () => github.checkRuns({ repository, sha });
    await expect.poll(checks, soon).toMatchObject([
      {
        ...{ status: 'completed', conclusion: 'action_required' },
        details_url: `http://127.0.0.1:3000/deployments/${String(only?.id)}`,
        output: { summary: expect.stringContaining(`/deploy ${sha}`) },
      },
    ]);
  });

  it('runs as trusted once a maintainer lets it, until the next push', async () => {
    const { id, sha, comment, push } = await openFork();
    expect(await comment('ada', `Looks fine.\n/deploy ${sha}`)).toMatchObject({ status: 'done' });
    expect((await previews(id)).at(-1)).toMatchObject({ commit_sha: sha, trust: 'trusted' });
    expect((await previews(id)).at(-1)?.status).not.toBe('skipped');
    const next = await push('b');
    await platform.handled();
    expect((await previews(id)).at(-1)).toMatchObject({ commit_sha: next.sha, status: 'skipped', trust: 'untrusted' });
    const [granted] = await platform.sql(
      `select actor_name, details from audit_log where action = 'pull_request.grant'`,
    );
    expect(granted).toMatchObject({ actor_name: 'ada', details: { commitSha: sha } });
  });

  it.each([
    ['its author', 'mallory', (sha: string) => `/deploy ${sha}`, 'mallory may not write'],
    ['a maintainer with a part of the sha', 'ada', (sha: string) => `/deploy ${sha.slice(0, 12)}`, 'the whole sha'],
    ['a maintainer with another sha', 'ada', () => `/deploy ${'0'.repeat(40)}`, 'is not the head'],
    ['a maintainer in the middle of a line', 'ada', (sha: string) => `Use /deploy ${sha}`, 'no new comment'],
  ])('is not let run by the comment of %s', async (_who, author, body, outcome) => {
    const { id, sha, comment } = await openFork();
    const delivery = await comment(author, body(sha));
    expect(delivery).toMatchObject({ status: 'ignored', outcome: expect.stringContaining(outcome) });
    expect(await previews(id)).toMatchObject([{ status: 'skipped', trust: 'untrusted' }]);
  });

  it('is not let run by a payload whose comment GitHub does not have, or has of somebody else', async () => {
    const { repository, id, sha, number } = await openFork();
    const { id: theirs } = await github.comment({ repository, number, author: 'mallory', body: `/deploy ${sha}` });
    await platform.handled();
    const genuine = (await github.deliveries({})).find(({ body }) => body.includes(`"id":${theirs},`));
    const payload = JSON.parse(genuine?.body ?? '') as {
      sender: object;
      comment: object;
      repository: { owner: object };
    };
    const { id: ada } = (await (await fetch(`${github.apiUrl}/users/ada`)).json()) as { id: number };
    for (const [name, commentId] of Object.entries({ lie: theirs, invention: 4_711 })) {
      const comment = { ...payload.comment, id: commentId, user: { ...payload.sender, login: 'ada', id: ada } };
      await platform.store(name, 'issue_comment', Buffer.from(JSON.stringify({ ...payload, comment })));
    }
    const deliveries = await platform.handled();
    const outcome = (which: string) => deliveries.find((each) => each.id === which)?.outcome;
    expect(outcome('lie')).toContain('mallory may not write');
    expect(outcome('invention')).toContain('not there any more');
    expect(await previews(id)).toMatchObject([{ status: 'skipped', trust: 'untrusted' }]);
  });

  it('is not let run by a comment that was taken back before anybody read it', async () => {
    const { repository, id, sha, number } = await openFork();
    await github.addFault({ match: { event: 'issue_comment' }, hold: true });
    const { id: comment } = await github.comment({ repository, number, author: 'ada', body: `/deploy ${sha}` });
    await github.deleteComment({ repository, id: comment, author: 'ada' });
    await github.release({});
    await platform.handled();
    expect(await previews(id)).toMatchObject([{ status: 'skipped', trust: 'untrusted' }]);
  });

  it('is built apart, without secrets and with a cache of its own, where the repository allows it', async () => {
    const { id, sha } = await openFork({ previews: { outsiders: 'isolated' } });
    const [only] = await previews(id);
    expect(only).toMatchObject({ commit_sha: sha, trust: 'untrusted' });
    await expect.poll(() => platform.platform.keeper.builders.get(String(only?.id))).toBeDefined();
    const order = platform.platform.keeper.builders.get(String(only?.id))?.[0]?.order;
    expect(order?.secretNames).toBeNull();
    expect(order?.paths.cache).toMatch(/\.untrusted$/);
  });
});
