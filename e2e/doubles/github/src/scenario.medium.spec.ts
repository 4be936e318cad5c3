import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GithubDouble } from './client';

type Received = { headers: Record<string, string>; body: string };

let github: Awaited<ReturnType<typeof GithubDouble.start>>;
let receiver: Server;
let received: Received[];
let status: number;
let folder: string;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const body = (await buffer(request)).toString('utf8');
    received.push({ headers: request.headers as Record<string, string>, body });
    response.writeHead(status).end('noted');
  }).listen(0, '127.0.0.1');
});
afterAll(() => receiver.close());
beforeEach(async () => {
  [received, status] = [[], 202];
  folder = await mkdtemp(path.join(tmpdir(), 'double-spec-'));
  github = await GithubDouble.start();
  await github.createUser({ login: 'ada' });
  await github.createOrganisation({ login: 'acme', members: [{ login: 'ada', role: 'admin' }] });
});
afterEach(async () => {
  const violations = await github.violations();
  await github.stop();
  expect(violations).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

const hook = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/github/webhooks`;

async function installed(files: Record<string, string> = { 'README.md': '# shop' }) {
  const app = await github.createApp({ webhookUrl: hook() });
  const repository = await github.createRepository({ owner: 'acme', name: 'shop', private: true, files });
  const { installationId } = await github.install({ appId: app.appId, account: 'acme', repositories: 'all' });
  return { app, repository, installationId };
}

const told = async () => {
  await github.settled();
  return received.map(({ headers, body }) => {
    const { action } = JSON.parse(body) as { action?: string };
    return [headers['x-github-event'], ...(action === undefined ? [] : [action])].join(' ');
  });
};
const last = (event: string) => {
  const found = received.filter(({ headers }) => headers['x-github-event'] === event).at(-1);
  return JSON.parse(found?.body ?? 'null') as Record<string, never>;
};

describe('webhooks', () => {
  it('are signed with the secret of the App over the very bytes, each with a GUID of its own', async () => {
    const { app } = await installed();
    await github.push({ repository: 'acme/shop', branch: 'main', files: { 'a.txt': 'ä' } });
    await told();
    for (const { headers, body } of received) {
      const sum = createHmac('sha256', app.webhookSecret).update(body).digest('hex');
      expect(headers['x-hub-signature-256']).toBe(`sha256=${sum}`);
    }
    expect(new Set(received.map(({ headers }) => headers['x-github-delivery'])).size).toBe(received.length);
  });

  it('tell a push with its commits, the repository by its id and the installation', async () => {
    const { repository, installationId } = await installed();
    const { sha, before } = await github.push({
      repository: 'acme/shop',
      branch: 'main',
      files: { 'a.txt': 'new', 'README.md': null },
      message: 'One thing',
    });
    expect(await told()).toContain('push');
    expect(last('push')).toMatchObject({
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
    await installed();
    await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '1' } });
    await told();
    expect(last('create')).toMatchObject({ ref: 'next', ref_type: 'branch' });
    await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '2' }, force: true });
    await told();
    expect(last('push')).toMatchObject({ forced: true });
    await github.deleteBranch({ repository: 'acme/shop', branch: 'next' });
    await told();
    expect(last('delete')).toMatchObject({ ref: 'next', ref_type: 'branch' });
    expect(last('push')).toMatchObject({ deleted: true, after: '0'.repeat(40) });
  });
});

describe('what happens on GitHub', () => {
  it('a pull request, its commits, its comment, its merge', async () => {
    await installed();
    await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '1' } });
    const { number } = await github.openPullRequest({ repository: 'acme/shop', head: 'next', title: 'Next' });
    const { sha } = await github.push({ repository: 'acme/shop', branch: 'next', files: { a: '2' } });
    const { id } = await github.comment({ repository: 'acme/shop', number, author: 'ada', body: '/deploy' });
    await github.editComment({ repository: 'acme/shop', id, author: 'ada', body: 'no' });
    await github.deleteComment({ repository: 'acme/shop', id, author: 'ada' });
    await github.closePullRequest({ repository: 'acme/shop', number });
    await github.reopenPullRequest({ repository: 'acme/shop', number });
    const merge = await github.mergePullRequest({ repository: 'acme/shop', number });
    const events = await told();
    for (const action of ['opened', 'synchronize', 'closed', 'reopened'])
      expect(events).toContain(`pull_request ${action}`);
    for (const action of ['created', 'edited', 'deleted']) expect(events).toContain(`issue_comment ${action}`);
    expect(last('pull_request')).toMatchObject({ pull_request: { merged: true, head: { sha } } });
    expect(last('push')).toMatchObject({ ref: 'refs/heads/main', after: merge.sha });
  });

  it('a pull request from a fork follows the branch of the fork', async () => {
    await installed();
    await github.createUser({ login: 'eve' });
    await github.forkRepository({ repository: 'acme/shop', owner: 'eve' });
    await github.push({ repository: 'eve/shop', branch: 'patch', files: { a: '1' }, author: 'eve' });
    const opened = { repository: 'acme/shop', head: 'patch', fork: 'eve/shop', author: 'eve' };
    const { number } = await github.openPullRequest(opened);
    const { sha } = await github.push({ repository: 'eve/shop', branch: 'patch', files: { a: '2' } });
    await told();
    expect(last('pull_request')).toMatchObject({
      action: 'synchronize',
      pull_request: { number, author_association: 'NONE', head: { sha, repo: { fork: true } } },
    });
  });

  it('people, teams, repositories and installations change', async () => {
    const { installationId, repository } = await installed();
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
    const events = await told();
    for (const expected of [
      ...['organization member_added', 'organization member_removed', 'organization renamed', 'team created'],
      ...['membership added', 'membership removed', 'team deleted', 'member added', 'member edited', 'member removed'],
      ...['repository renamed', 'repository archived', 'repository unarchived', 'repository publicized'],
      ...['repository privatized', 'repository edited', 'repository deleted', 'installation created'],
      ...['installation suspend', 'installation unsuspend', 'installation deleted'],
      ...['installation_repositories removed', 'installation_repositories added'],
    ])
      expect(events).toContain(expected);
    expect(last('repository')).toMatchObject({ repository: { id: repository.id, full_name: 'apex/store' } });
  });

  it('a transfer takes the repository out of one installation and keeps its id in the other', async () => {
    const { app, installationId, repository } = await installed();
    await github.createOrganisation({ login: 'other', members: [{ login: 'ada', role: 'admin' }] });
    const other = await github.install({ appId: app.appId, account: 'other', repositories: 'all' });
    await github.transferRepository({ repository: 'acme/shop', owner: 'other' });
    await told();
    expect(last('installation_repositories')).toMatchObject({
      action: 'removed',
      installation: { id: installationId },
      repositories_removed: [{ id: repository.id }],
    });
    expect(last('repository')).toMatchObject({ action: 'transferred', installation: { id: other.installationId } });
  });

  it('the check of another App, and a re-run of all', async () => {
    await installed();
    const { sha } = await github.push({ repository: 'acme/shop', branch: 'main', files: { a: '1' } });
    await github.otherCheck({ repository: 'acme/shop', sha, name: 'test', status: 'in_progress' });
    await github.otherCheck({ repository: 'acme/shop', sha, name: 'test', status: 'completed', conclusion: 'failure' });
    await github.rerequestCheckSuite({ repository: 'acme/shop', sha, author: 'ada' });
    const events = await told();
    expect(events).toEqual(
      expect.arrayContaining(['check_run created', 'check_run completed', 'check_suite completed']),
    );
    expect(events).toEqual(expect.arrayContaining(['check_suite requested', 'check_suite rerequested']));
    expect(last('check_run')).toMatchObject({ check_run: { conclusion: 'failure', head_sha: sha } });
  });
});

describe('faults of deliveries', () => {
  const push = (file: string) => github.push({ repository: 'acme/shop', branch: 'main', files: { [file]: file } });
  const pushes = () => received.filter(({ headers }) => headers['x-github-event'] === 'push');

  it('drop, refuse and lose: what was never sent is recorded as failed, or not at all', async () => {
    await installed();
    await github.addFault({ match: { event: 'push' }, drop: true, times: 1 });
    await github.addFault({ match: { event: 'push' }, status: 500, times: 1 });
    await github.addFault({ match: { event: 'push' }, lose: true, times: 1 });
    for (const file of ['a', 'b', 'c', 'd']) await push(file);
    await told();
    expect(pushes()).toHaveLength(1);
    const recorded = (await github.deliveries()).filter(({ event }) => event === 'push');
    expect(recorded.map(({ statusCode }) => statusCode).sort()).toEqual([202, 500, 502]);
  });

  it('duplicate: the same GUID and bytes again', async () => {
    await installed();
    await github.addFault({ match: { event: 'push' }, duplicate: 2 });
    await push('a');
    await told();
    expect(pushes()).toHaveLength(3);
    expect(new Set(pushes().map(({ headers, body }) => headers['x-github-delivery'] + body)).size).toBe(1);
  });

  it('hold and release: later, and in another order', async () => {
    await installed();
    await github.addFault({ match: { event: 'push' }, hold: true });
    const shas: string[] = [];
    for (const file of ['a', 'b', 'c', 'd']) shas.push((await push(file)).sha);
    await told();
    expect(pushes()).toHaveLength(0);
    expect(await github.release({ seed: 7 })).toEqual({ sent: 4 });
    await told();
    expect(
      pushes()
        .map(({ body }) => (JSON.parse(body) as { after: string }).after)
        .sort(),
    ).toEqual(shas.sort());
  });

  it('records what the receiver answered', async () => {
    await installed();
    status = 503;
    await push('a');
    await told();
    const [delivery] = (await github.deliveries()).filter(({ event }) => event === 'push');
    expect(delivery).toMatchObject({ statusCode: 503, status: 'Invalid HTTP Response: 503' });
  });
});
