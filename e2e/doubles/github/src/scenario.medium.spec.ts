import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestGithub } from './test-github';

let test: TestGithub;
let github: TestGithub['github'];
beforeEach(async () => {
  test = await TestGithub.start();
  github = test.github;
});
afterEach(() => test.stop());

describe('webhooks', () => {
  it('are signed with the secret of the App over the very bytes, each with a GUID of its own', async () => {
    const { app } = await test.installed();
    await github.push({ repository: 'acme/shop', branch: 'main', files: { 'a.txt': 'ä' } });
    await test.told();
    for (const { headers, body } of test.received) {
      const sum = createHmac('sha256', app.webhookSecret).update(body).digest('hex');
      expect(headers['x-hub-signature-256']).toBe(`sha256=${sum}`);
    }
    expect(new Set(test.received.map(({ headers }) => headers['x-github-delivery'])).size).toBe(test.received.length);
  });

  it('tell a push with its commits, the repository by its id and the installation', async () => {
    const { repository, installationId } = await test.installed();
    const { sha, before } = await github.push({
      repository: 'acme/shop',
      branch: 'main',
      files: { 'a.txt': 'new', 'README.md': null },
      message: 'One thing',
    });
    expect(await test.told()).toContain('push');
    expect(test.last('push')).toMatchObject({
      ref: 'refs/heads/main',
      before,
      after: sha,
      created: false,
      forced: false,
      repository: { id: repository.id, full_name: 'acme/shop' },
      installation: { id: installationId },
      head_commit: { id: sha, message: 'One thing', added: ['a.txt'], removed: ['README.md'] },
    });
  });

  it('tell a new, a rewritten and a deleted branch', async () => {
    await test.installed();
    await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '1' } });
    await test.told();
    expect(test.last('create')).toMatchObject({ ref: 'next', ref_type: 'branch' });
    await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '2' }, force: true });
    await test.told();
    expect(test.last('push')).toMatchObject({ forced: true });
    await github.deleteBranch({ repository: 'acme/shop', branch: 'next' });
    await test.told();
    expect(test.last('delete')).toMatchObject({ ref: 'next', ref_type: 'branch' });
    expect(test.last('push')).toMatchObject({ deleted: true, after: '0'.repeat(40) });
  });
});

describe('what happens on GitHub', () => {
  it('a pull request, its commits, its comment, its merge', async () => {
    await test.installed();
    await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '1' } });
    const { number } = await github.openPullRequest({ repository: 'acme/shop', head: 'next', title: 'Next' });
    const { sha } = await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '2' } });
    const { id } = await github.comment({ repository: 'acme/shop', number, author: 'ada', body: '/deploy' });
    await github.editComment({ repository: 'acme/shop', id, author: 'ada', body: 'no' });
    await github.deleteComment({ repository: 'acme/shop', id, author: 'ada' });
    await github.closePullRequest({ repository: 'acme/shop', number });
    await github.reopenPullRequest({ repository: 'acme/shop', number });
    const merge = await github.mergePullRequest({ repository: 'acme/shop', number });
    const events = await test.told();
    for (const action of ['opened', 'synchronize', 'closed', 'reopened'])
      expect(events).toContain(`pull_request ${action}`);
    for (const action of ['created', 'edited', 'deleted']) expect(events).toContain(`issue_comment ${action}`);
    expect(test.last('pull_request')).toMatchObject({ pull_request: { merged: true, head: { sha } } });
    expect(test.last('push')).toMatchObject({ ref: 'refs/heads/main', after: merge.sha });
  });

  it('a pull request from a fork follows the branch of the fork', async () => {
    await test.installed();
    await github.createUser({ login: 'eve' });
    await github.forkRepository({ repository: 'acme/shop', owner: 'eve' });
    await github.push({ repository: 'eve/shop', branch: 'patch', files: { a: '1' }, author: 'eve' });
    const opened = { repository: 'acme/shop', head: 'patch', fork: 'eve/shop', author: 'eve' };
    const { number } = await github.openPullRequest(opened);
    const { sha } = await github.push({ repository: 'eve/shop', branch: 'patch', files: { a: '2' } });
    await test.told();
    expect(test.last('pull_request')).toMatchObject({
      action: 'synchronize',
      pull_request: { number, author_association: 'NONE', head: { sha, repo: { fork: true } } },
    });
  });

  it('people, teams, repositories and installations change', async () => {
    const { installationId, repository } = await test.installed();
    await github.createUser({ login: 'bob' });
    await github.addMember({ organisation: 'acme', login: 'bob' });
    await github.createTeam({ organisation: 'acme', slug: 'devs' });
    await github.addTeamMember({ organisation: 'acme', slug: 'devs', login: 'bob' });
    await github.setPermission({ repository: 'acme/shop', login: 'bob', permission: 'write' });
    await github.setPermission({ repository: 'acme/shop', login: 'bob', permission: 'admin' });
    await github.setPermission({ repository: 'acme/shop', login: 'bob', permission: 'none' });
    await github.removeMember({ organisation: 'acme', login: 'bob' });
    await github.deleteTeam({ organisation: 'acme', slug: 'devs' });
    await github.renameAccount({ login: 'acme', to: 'apex' });
    await github.renameRepository({ repository: 'apex/shop', to: 'store' });
    await github.archiveRepository({ repository: 'apex/store' });
    await github.archiveRepository({ repository: 'apex/store', archived: false });
    await github.setVisibility({ repository: 'apex/store', private: false });
    await github.setVisibility({ repository: 'apex/store', private: true });
    await github.push({ repository: 'apex/store', branch: 'trunk', files: { a: '1' } });
    await github.setDefaultBranch({ repository: 'apex/store', branch: 'trunk' });
    await github.suspend({ installationId });
    await github.unsuspend({ installationId });
    await github.removeRepositories({ installationId, repositories: ['store'] });
    await github.addRepositories({ installationId, repositories: ['store'] });
    await github.deleteRepository({ repository: 'apex/store' });
    await github.uninstall({ installationId });
    const events = await test.told();
    for (const expected of [
      ...['organization member_added', 'organization member_removed', 'organization renamed', 'team created'],
      ...['membership added', 'membership removed', 'team deleted', 'member added', 'member edited', 'member removed'],
      ...['repository renamed', 'repository archived', 'repository unarchived', 'repository publicized'],
      ...['repository privatized', 'repository edited', 'repository deleted', 'installation created'],
      ...['installation suspend', 'installation unsuspend', 'installation deleted'],
      ...['installation_repositories removed', 'installation_repositories added'],
    ])
      expect(events).toContain(expected);
    expect(test.last('repository')).toMatchObject({ repository: { id: repository.id, full_name: 'apex/store' } });
  });

  it('a transfer takes the repository out of one installation and keeps its id in the other', async () => {
    const { app, installationId, repository } = await test.installed();
    await github.createOrganisation({ login: 'other', members: [{ login: 'ada', role: 'admin' }] });
    const other = await github.install({ appId: app.appId, account: 'other', repositories: 'all' });
    await github.transferRepository({ repository: 'acme/shop', owner: 'other' });
    await test.told();
    expect(test.last('installation_repositories')).toMatchObject({
      action: 'removed',
      installation: { id: installationId },
      repositories_removed: [{ id: repository.id }],
    });
    expect(test.last('repository')).toMatchObject({
      action: 'transferred',
      installation: { id: other.installationId },
    });
  });

  it('the check of another App, and a re-run of all', async () => {
    await test.installed();
    const { sha } = await github.push({ repository: 'acme/shop', branch: 'main', files: { a: '1' } });
    await github.otherCheck({ repository: 'acme/shop', sha, name: 'test', status: 'in_progress' });
    await github.otherCheck({ repository: 'acme/shop', sha, name: 'test', status: 'completed', conclusion: 'failure' });
    await github.rerequestCheckSuite({ repository: 'acme/shop', sha, author: 'ada' });
    const events = await test.told();
    expect(events).toEqual(
      expect.arrayContaining(['check_run created', 'check_run completed', 'check_suite completed']),
    );
    expect(events).toEqual(expect.arrayContaining(['check_suite requested', 'check_suite rerequested']));
    expect(test.last('check_run')).toMatchObject({ check_run: { conclusion: 'failure', head_sha: sha } });
  });

  it('a suite whose jobs wait for one another, and a commit status', async () => {
    await test.installed();
    const { sha } = await github.push({ repository: 'acme/shop', branch: 'main', files: { a: '1' } });
    const check = { repository: 'acme/shop', sha, status: 'completed', conclusion: 'success' } as const;
    await github.otherCheck({ ...check, name: 'lint', goesOn: true });
    await github.otherCheck({ ...check, name: 'title', app: 'bot' });
    await github.otherStatus({ repository: 'acme/shop', sha, context: 'old-ci', state: 'pending' });
    const ended = (events: string[]) => events.filter((event) => event === 'check_suite completed').length;
    const events = await test.told();
    expect(ended(events), 'the suite of the other App alone').toBe(1);
    expect(test.last('status')).toMatchObject({ sha, context: 'old-ci', state: 'pending', name: 'acme/shop' });
    await github.otherCheck({ ...check, name: 'tests' });
    expect(ended(await test.told())).toBe(2);
  });
});

describe('faults of deliveries', () => {
  const push = (file: string) => github.push({ repository: 'acme/shop', branch: 'main', files: { [file]: file } });
  const pushes = () => test.received.filter(({ headers }) => headers['x-github-event'] === 'push');

  it('drop, refuse and lose: what was never sent is recorded as failed, or not at all', async () => {
    await test.installed();
    await github.addFault({ match: { event: 'push' }, drop: true, times: 1 });
    await github.addFault({ match: { event: 'push' }, status: 500, times: 1 });
    await github.addFault({ match: { event: 'push' }, lose: true, times: 1 });
    for (const file of ['a', 'b', 'c', 'd']) await push(file);
    await test.told();
    expect(pushes()).toHaveLength(1);
    const recorded = (await github.deliveries()).filter(({ event }) => event === 'push');
    expect(recorded.map(({ statusCode }) => statusCode).sort()).toEqual([202, 500, 502]);
  });

  it('duplicate: the same GUID and bytes again', async () => {
    await test.installed();
    await github.addFault({ match: { event: 'push' }, duplicate: 2 });
    await push('a');
    await test.told();
    expect(pushes()).toHaveLength(3);
    expect(new Set(pushes().map(({ headers, body }) => headers['x-github-delivery'] + body)).size).toBe(1);
  });

  it('hold and release: later, and in another order', async () => {
    await test.installed();
    await github.addFault({ match: { event: 'push' }, hold: true });
    const shas: string[] = [];
    for (const file of ['a', 'b', 'c', 'd']) shas.push((await push(file)).sha);
    await test.told();
    expect(pushes()).toHaveLength(0);
    expect(await github.release({ seed: 7 })).toEqual({ sent: 4 });
    await test.told();
    expect(
      pushes()
        .map(({ body }) => (JSON.parse(body) as { after: string }).after)
        .sort(),
    ).toEqual(shas.sort());
  });

  it('records what the receiver answered', async () => {
    await test.installed();
    test.answerWith(503);
    await push('a');
    await test.told();
    const [delivery] = (await github.deliveries()).filter(({ event }) => event === 'push');
    expect(delivery).toMatchObject({ statusCode: 503, status: 'Invalid HTTP Response: 503' });
  });
});
