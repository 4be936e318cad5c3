import type { App } from '@octokit/app';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestGithub } from './test-github';

type Client = Awaited<ReturnType<App['getInstallationOctokit']>>;
const shop = { owner: 'acme', repo: 'shop' };

let test: TestGithub;
let github: TestGithub['github'];
beforeEach(async () => {
  test = await TestGithub.start();
  github = test.github;
});
afterEach(() => test.stop());

const statusOf = (work: Promise<{ status: number }>) =>
  work.then(
    ({ status }) => status,
    (error: { status: number }) => error.status,
  );

async function connected() {
  const made = await test.installed({ 'README.md': '# shop', 'api/index.js': 'ok' });
  const app = test.app(made.app);
  return { ...made, app, client: await app.getInstallationOctokit(made.installationId) };
}

describe('an App', () => {
  it('is known by its key, and no other key opens it', async () => {
    const { app: credentials } = await test.installed();
    const { data } = await test.app(credentials).octokit.request('GET /app');
    expect(data).toMatchObject({ id: credentials.appId, slug: credentials.slug, installations_count: 1 });
    const { privateKeyPem } = await github.createApp({});
    const forged = test.app({ ...credentials, privateKeyPem });
    expect(await statusOf(forged.octokit.request('GET /app'))).toBe(401);
  });

  it('keeps its old key after a rotation until that is revoked', async () => {
    const { app } = await test.installed();
    const { privateKeyPem } = await github.rotateKey({ appId: app.appId });
    expect(await statusOf(test.app(app).octokit.request('GET /app'))).toBe(200);
    expect(await statusOf(test.app({ ...app, privateKeyPem }).octokit.request('GET /app'))).toBe(200);
    await github.rotateKey({ appId: app.appId, revokeKeys: true });
    expect(await statusOf(test.app(app).octokit.request('GET /app'))).toBe(401);
  });

  it('finds its way when its clock and GitHub’s differ', async () => {
    const { app } = await test.installed();
    await github.advanceClock({ ms: 3 * 3_600_000 });
    expect(await statusOf(test.app(app).octokit.request('GET /app'))).toBe(200);
  });

  it('lists its installations and repositories page by page', async () => {
    const { app, client } = await connected();
    for (const name of ['a', 'b', 'c', 'd']) await github.createRepository({ owner: 'acme', name });
    const names: string[] = [];
    const first = await client.request('GET /installation/repositories', { per_page: 2 });
    expect(first.headers.link).toMatch(/[?&]page=2>; rel="next".*page=3>; rel="last"/);
    for (let page = 1; page <= 3; page += 1) {
      const { data } = await client.request('GET /installation/repositories', { per_page: 2, page });
      expect(data.total_count).toBe(5);
      names.push(...data.repositories.map(({ name }) => name));
    }
    expect(names).toEqual(['shop', 'a', 'b', 'c', 'd']);
    expect((await app.octokit.request('GET /app/installations')).data).toHaveLength(1);
  });
});

describe('an installation token', () => {
  const tokenFor = async (installationId: number, app: App, asked: object) => {
    const route = 'POST /app/installations/{installation_id}/access_tokens';
    return app.octokit.request(route, { installation_id: installationId, ...asked });
  };
  const read = (token: string, path: string) =>
    fetch(`${github.apiUrl}${path}`, { headers: { authorization: `Bearer ${token}` } }).then((reply) => reply.status);

  it('ends after an hour', async () => {
    const { app, installationId } = await connected();
    const { data } = await tokenFor(installationId, app, {});
    expect(await read(data.token, '/repos/acme/shop')).toBe(200);
    await github.advanceClock({ ms: 3_600_000 + 1_000 });
    expect(await read(data.token, '/repos/acme/shop')).toBe(401);
  });

  it('reaches the repositories it was made for, and others are as if they were not there', async () => {
    const { app, installationId, repository } = await connected();
    await github.createRepository({ owner: 'acme', name: 'other', private: true });
    const { data } = await tokenFor(installationId, app, { repository_ids: [repository.id] });
    expect(data).toMatchObject({ repository_selection: 'selected', repositories: [{ id: repository.id }] });
    expect(await read(data.token, `/repositories/${repository.id}`)).toBe(200);
    expect(await read(data.token, '/repos/acme/other')).toBe(404);
    expect(await read(data.token, '/repos/acme/nothing')).toBe(404);
  });

  it('allows what was asked for, and never more than the installation has', async () => {
    const { app, installationId } = await connected();
    const { data } = await tokenFor(installationId, app, { permissions: { contents: 'read' } });
    expect(await read(data.token, '/repos/acme/shop/contents/README.md')).toBe(200);
    expect(await read(data.token, '/repos/acme/shop/pulls')).toBe(403);
    expect(await statusOf(tokenFor(installationId, app, { permissions: { contents: 'write' } }))).toBe(422);
    expect(await statusOf(tokenFor(installationId, app, { repository_ids: [1] }))).toBe(422);
    expect(await statusOf(tokenFor(installationId + 1, app, {}))).toBe(404);
  });

  it('is worth nothing while the installation is suspended, and after it is gone', async () => {
    const { app, installationId } = await connected();
    const { data } = await tokenFor(installationId, app, {});
    await github.suspend({ installationId });
    expect(await read(data.token, '/repos/acme/shop')).toBe(403);
    expect(await statusOf(tokenFor(installationId, app, {}))).toBe(403);
    await github.unsuspend({ installationId });
    expect(await read(data.token, '/repos/acme/shop')).toBe(200);
    await github.uninstall({ installationId });
    expect(await read(data.token, '/repos/acme/shop')).toBe(401);
  });
});

describe('a repository', () => {
  it('keeps its id through a rename, and its old name leads to it', async () => {
    const { client, repository } = await connected();
    await github.renameRepository({ repository: 'acme/shop', to: 'store' });
    const { data } = await client.request('GET /repos/{owner}/{repo}', shop);
    expect(data).toMatchObject({ id: repository.id, name: 'store' });
  });

  it('tells branches, commits, files, folders and what changed', async () => {
    const { client } = await connected();
    const { sha, before } = await github.push({
      repository: 'acme/shop',
      branch: 'feature/ä',
      files: { 'api/new.js': 'a\nb\n', 'README.md': null },
      message: 'One\n\nTwo',
    });
    const branch = await client.request('GET /repos/{owner}/{repo}/branches/{branch}', {
      ...shop,
      branch: 'feature/ä',
    });
    expect(branch.data.commit.sha).toBe(sha);
    const branches = await client.request('GET /repos/{owner}/{repo}/branches', shop);
    expect(branches.data.map(({ name }) => name)).toEqual(['feature/ä', 'main']);
    const ref = await client.request('GET /repos/{owner}/{repo}/git/ref/{ref}', { ...shop, ref: 'heads/feature/ä' });
    expect(ref.data.object.sha).toBe(sha);
    const commit = await client.request('GET /repos/{owner}/{repo}/commits/{ref}', { ...shop, ref: sha });
    expect(commit.data).toMatchObject({ commit: { message: 'One\n\nTwo' }, stats: { additions: 2, deletions: 1 } });
    const basehead = `main...${sha}`;
    const compared = await client.request('GET /repos/{owner}/{repo}/compare/{basehead}', { ...shop, basehead });
    expect(compared.data).toMatchObject({ status: 'ahead', ahead_by: 1, behind_by: 0 });
    expect(compared.data.files?.map(({ filename, status }) => [filename, status])).toEqual([
      ['README.md', 'removed'],
      ['api/new.js', 'added'],
    ]);
    const route = 'GET /repos/{owner}/{repo}/contents/{path}';
    const file = await client.request(route, { ...shop, path: 'api/new.js', ref: sha });
    expect(file.data).toMatchObject({
      type: 'file',
      encoding: 'base64',
      content: Buffer.from('a\nb\n').toString('base64'),
    });
    const folder = await client.request(route, { ...shop, path: '', ref: sha });
    expect(folder.data).toMatchObject([{ name: 'api', type: 'dir' }]);
    expect(await statusOf(client.request(route, { ...shop, path: 'none', ref: sha }))).toBe(404);
    const git = { ...shop, commit_sha: before ?? sha };
    expect((await client.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', git)).data.message).toContain(
      'One',
    );
    const log = await client.request('GET /repos/{owner}/{repo}/commits', { ...shop, sha });
    expect(log.data).toHaveLength(2);
  });

  it('answers an unchanged thing with 304, which costs nothing', async () => {
    const { client } = await connected();
    const first = await client.request('GET /repos/{owner}/{repo}', shop);
    const headers = { 'if-none-match': first.headers.etag };
    expect(await statusOf(client.request('GET /repos/{owner}/{repo}', { ...shop, headers }))).toBe(304);
    const { headers: after } = await client.request('GET /repos/{owner}/{repo}', shop);
    expect(Number(after['x-ratelimit-remaining'])).toBe(Number(first.headers['x-ratelimit-remaining']) - 1);
  });

  it('tells what a person may do with it', async () => {
    const { client } = await connected();
    await github.createUser({ login: 'bob' });
    const route = 'GET /repos/{owner}/{repo}/collaborators/{username}/permission';
    const of = async (username: string) => (await client.request(route, { ...shop, username })).data.permission;
    expect(await of('ada')).toBe('admin');
    expect(await of('bob')).toBe('none');
    await github.setPermission({ repository: 'acme/shop', login: 'bob', permission: 'maintain' });
    expect(await of('bob')).toBe('write');
  });
});

describe('feedback', () => {
  const runs = 'POST /repos/{owner}/{repo}/check-runs';
  const annotation = { path: 'a', start_line: 1, end_line: 1, annotation_level: 'failure', message: 'no' } as const;
  const pushed = () => github.push({ repository: 'acme/shop', branch: 'main', files: { a: 'b' } });

  it('a check run is made, gathers annotations, ends, and is told to the App', async () => {
    const { client } = await connected();
    const { sha } = await pushed();
    const output = { title: 'Building', summary: 'Wait', annotations: Array(50).fill(annotation) };
    const made = await client.request(runs, { ...shop, name: 'wherry', head_sha: sha, status: 'in_progress', output });
    expect(made.data).toMatchObject({ status: 'in_progress', conclusion: null });
    await client.request('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', {
      ...{ ...shop, check_run_id: Number(made.data.id), conclusion: 'failure' },
      output: { title: 'Failed', summary: 'A line', annotations: [annotation] },
    });
    const listed = await client.request('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', { ...shop, ref: sha });
    expect(listed.data.check_runs).toMatchObject([{ status: 'completed', conclusion: 'failure' }]);
    const [run] = await github.checkRuns({ repository: 'acme/shop', sha });
    expect(run).toMatchObject({ output: { title: 'Failed', annotations_count: 51 } });
    await github.rerequestCheckRun({ id: Number(made.data.id), author: 'ada' });
    const told = ['check_run created', 'check_run completed', 'check_suite completed', 'check_run rerequested'];
    expect(await test.told()).toEqual(expect.arrayContaining(told));
  });

  it('refuses what GitHub refuses, in its words', async () => {
    const { client } = await connected();
    const { sha } = await pushed();
    const tooMany = { title: 't', summary: 's', annotations: Array(51).fill(annotation) };
    const bad = [
      { name: 'a', head_sha: 'f'.repeat(40) },
      { name: 'a', head_sha: sha, output: tooMany },
      { name: 'a', head_sha: sha, status: 'completed' },
      { name: 'a', head_sha: sha, output: { title: 't', summary: 'x'.repeat(65_536) } },
      { name: 'a', head_sha: sha, conclusion: 'wonderful' },
      { head_sha: sha },
    ];
    for (const body of bad) expect(await statusOf(client.request(runs, { ...shop, ...body } as never))).toBe(422);
    const reply = await fetch(`${github.apiUrl}/repos/acme/shop/check-runs`, { method: 'POST', body: '{' });
    expect(reply.status).toBe(400);
  });

  it('a deployment and its statuses; a later success ends the one before', async () => {
    const { client } = await connected();
    const { sha } = await pushed();
    const deploy = async () => {
      const asked = { environment: 'preview', auto_merge: false, required_contexts: [] };
      const route = 'POST /repos/{owner}/{repo}/deployments';
      const { data } = await client.request(route, { ...shop, ...asked, ref: sha });
      const deployment_id = Number((data as { id: unknown }).id);
      await client.request('POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
        ...{ ...shop, deployment_id, state: 'success' },
        ...{ environment_url: 'https://a.example', log_url: 'https://b.example', description: 'Live' },
      });
      return deployment_id;
    };
    const [first, second] = [await deploy(), await deploy()];
    const [newer, older] = await github.deployments({ repository: 'acme/shop' });
    expect(newer).toMatchObject({ id: second, statuses: [{ state: 'success', environment_url: 'https://a.example' }] });
    expect(older).toMatchObject({ id: first, statuses: [{ state: 'inactive' }, { state: 'success' }] });
    const ids = await client.request('GET /repos/{owner}/{repo}/deployments', { ...shop, environment: 'preview' });
    expect(ids.data.map(({ id }) => id)).toEqual([second, first]);
  });

  it('a deployment waits for the checks of its commit unless it asks for none', async () => {
    const { client } = await connected();
    const { sha } = await pushed();
    await github.otherCheck({ repository: 'acme/shop', sha, name: 'test', status: 'in_progress' });
    const asked = { ...shop, ref: sha, auto_merge: false };
    const route = 'POST /repos/{owner}/{repo}/deployments';
    expect(await statusOf(client.request(route, asked))).toBe(409);
    expect(await statusOf(client.request(route, { ...asked, required_contexts: [] }))).toBe(201);
    expect(await statusOf(client.request(route, { ...asked, ref: 'nowhere' }))).toBe(422);
  });

  it('a comment is made, edited in place, listed; a status is combined', async () => {
    const { client } = await connected();
    await github.push({ repository: 'acme/shop', branch: 'next', files: { a: 'c' } });
    const { number, headSha } = await github.openPullRequest({ repository: 'acme/shop', head: 'next' });
    const issue = { ...shop, issue_number: number };
    const route = '/repos/{owner}/{repo}/issues/{issue_number}/comments';
    const { data } = await client.request(`POST ${route}`, { ...issue, body: 'building' });
    const comment = { ...shop, comment_id: data.id };
    await client.request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', { ...comment, body: 'live' });
    expect((await client.request(`GET ${route}`, issue)).data).toMatchObject([{ id: data.id, body: 'live' }]);
    expect(await statusOf(client.request(`POST ${route}`, { ...issue, body: 'x'.repeat(65_537) }))).toBe(422);
    const pulls = await client.request('GET /repos/{owner}/{repo}/pulls', { ...shop, head: 'acme:next' });
    expect(pulls.data).toMatchObject([{ number, head: { sha: headSha } }]);
    expect(
      (await client.request('GET /repos/{owner}/{repo}/commits/{ref}/status', { ...shop, ref: headSha })).data.state,
    ).toBe('pending');
    await client.request('DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}', comment);
    expect(await github.comments({ repository: 'acme/shop', number })).toEqual([]);
  });
});

describe('an organisation', () => {
  it('tells its members and teams to an installation that may know them', async () => {
    const { client } = await connected();
    await github.createUser({ login: 'bob' });
    await github.addMember({ organisation: 'acme', login: 'bob' });
    await github.createUser({ login: 'penny' });
    await github.addMember({ organisation: 'acme', login: 'penny', role: 'billing_manager' });
    await github.createTeam({ organisation: 'acme', slug: 'devs', members: ['bob'] });
    const org = { org: 'acme' };
    const members = await client.request('GET /orgs/{org}/members', org);
    expect(members.data.map(({ login }) => login)).toEqual(['ada', 'bob']);
    const admins = await client.request('GET /orgs/{org}/members', { ...org, role: 'admin' });
    expect(admins.data.map(({ login }) => login)).toEqual(['ada']);
    expect((await client.request('GET /orgs/{org}/teams', org)).data).toMatchObject([{ slug: 'devs' }]);
    const team = { ...org, team_slug: 'devs' };
    const inTeam = await client.request('GET /orgs/{org}/teams/{team_slug}/members', team);
    expect(inTeam.data.map(({ login }) => login)).toEqual(['bob']);
    const membership = await client.request('GET /orgs/{org}/memberships/{username}', { ...org, username: 'ada' });
    expect(membership.data.role).toBe('admin');
    const billing = await client.request('GET /orgs/{org}/memberships/{username}', { ...org, username: 'penny' });
    expect(billing.data.role).toBe('billing_manager');
    await client.request('GET /orgs/{org}', org);
    await client.request('GET /orgs/{org}/teams/{team_slug}', team);
  });
});

describe('deliveries', () => {
  const push = (file: string) => github.push({ repository: 'acme/shop', branch: 'main', files: { [file]: file } });

  it('are listed page by page, told in full, and sent again with the same GUID', async () => {
    const { app } = await connected();
    test.answerWith(500);
    await push('a');
    await push('b');
    await test.told();
    test.answerWith(202);
    const list = 'GET /app/hook/deliveries';
    const first = await app.octokit.request(list, { per_page: 1 });
    expect(first.headers.link).toContain('rel="next"');
    const cursor = /cursor=([^&>]+)/.exec(first.headers.link ?? '')?.[1] ?? '';
    const second = await app.octokit.request(list, { per_page: 1, cursor });
    expect(second.data[0]?.id).toBeLessThan(Number(first.data[0]?.id));
    const failed = (await app.octokit.request(list)).data.find(({ event }) => event === 'push');
    expect(failed).toMatchObject({ status_code: 500, redelivery: false });
    const delivery_id = Number(failed?.id);
    const whole = await app.octokit.request('GET /app/hook/deliveries/{delivery_id}', { delivery_id });
    expect(whole.data).toMatchObject({
      request: { payload: { ref: 'refs/heads/main' } },
      response: { payload: 'noted' },
    });
    await app.octokit.request('POST /app/hook/deliveries/{delivery_id}/attempts', { delivery_id });
    await test.told();
    const again = (await app.octokit.request(list)).data[0];
    expect(again).toMatchObject({ guid: failed?.guid, redelivery: true, status_code: 202 });
  });

  it('are kept for three days', async () => {
    const { app } = await connected();
    await push('a');
    await test.told();
    const [delivery] = (await app.octokit.request('GET /app/hook/deliveries')).data;
    await github.advanceClock({ ms: 3 * 24 * 3_600_000 + 1_000 });
    expect((await app.octokit.request('GET /app/hook/deliveries')).data).toEqual([]);
    const attempt = { delivery_id: Number(delivery?.id) };
    expect(await statusOf(app.octokit.request('POST /app/hook/deliveries/{delivery_id}/attempts', attempt))).toBe(404);
  });
});

describe('limits and faults', () => {
  const get = (client: Client) => client.request('GET /repos/{owner}/{repo}', shop);

  it('the hour’s calls run out, and come back', async () => {
    const { client, installationId } = await connected();
    await get(client);
    await github.setRateLimit({ installationId, remaining: 1 });
    expect(await statusOf(get(client))).toBe(200);
    const refused = await get(client).catch((error: { status: number; response: { headers: object } }) => error);
    expect(refused).toMatchObject({ status: 403, response: { headers: { 'x-ratelimit-remaining': '0' } } });
    await github.setRateLimit({ installationId, remaining: null });
    expect(await statusOf(get(client))).toBe(200);
    const { data } = await client.request('GET /rate_limit');
    expect(data.rate.remaining).toBeGreaterThan(4_000);
  });

  it('answers with another status, a cut or closed connection, or another type, as often as asked', async () => {
    const { app: credentials } = await test.installed();
    const client = test.app(credentials).octokit;
    const path = '^/app$';
    await github.addFault({ match: { path }, status: 429, headers: { 'retry-after': '7' }, times: 1 });
    const limited = await client.request('GET /app').catch((error: unknown) => error);
    expect(limited).toMatchObject({ status: 429, response: { headers: { 'retry-after': '7' } } });
    const raw = () => fetch(`${github.apiUrl}/apps/${credentials.slug}`);
    await github.addFault({ match: { path: '^/apps/' }, cut: true, times: 1 });
    await expect(raw().then((reply) => reply.text())).rejects.toThrow();
    await github.addFault({ match: { path: '^/apps/' }, drop: true, times: 1 });
    await expect(raw()).rejects.toThrow();
    await github.addFault({ match: { path: '^/apps/' }, contentType: 'text/html', times: 1 });
    expect((await raw()).headers.get('content-type')).toBe('text/html');
    expect((await raw()).headers.get('content-type')).toContain('application/json');
  });
});
