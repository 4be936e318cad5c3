import { GithubDouble } from '@wherry/github-double';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../adapters/system-clock';
import { type Github, InstalledApp, ReportedPlatform } from '../testing/reported-platform';

let github: Github;
let installed: InstalledApp;
let platform: ReportedPlatform;

beforeAll(async () => {
  github = await GithubDouble.start();
  installed = await InstalledApp.create(github);
});
afterAll(async () => github.stop());
beforeEach(async () => {
  platform = await ReportedPlatform.create(installed);
  await github.forgetRequests();
});
afterEach(async () => {
  installed.aheadMs = 0;
  await github.clearFaults({});
  await platform.close();
  expect(await github.violations()).toEqual([]);
});

/** The pull request that tests of comments are about. */
async function openPull(): Promise<{ number: number; environmentId: string; sha: string }> {
  const { fullName: repository } = platform.repository;
  const { sha } = await github.push({ repository, branch: 'topic', files: { 'a.txt': 'a' } });
  const { number } = await github.openPullRequest({ repository, head: 'topic', base: 'main', author: 'ada' });
  return { number, sha, environmentId: await platform.preview(number) };
}

describe('one deployment', () => {
  it('is one check run and one deployment on GitHub, from queued to success', async () => {
    const reporter = platform.reporter();
    await platform.deployment('dep_1', 'queued');
    const seen: unknown[] = [];
    for (const status of ['queued', 'building', 'releasing', 'live']) {
      await platform.become('dep_1', status);
      await reporter.run('ten_a', 'dep_1');
      seen.push((await platform.checkRuns()).map((run) => run.conclusion ?? run.status));
    }
    expect(seen).toEqual([['queued'], ['in_progress'], ['in_progress'], ['success']]);
    expect(await platform.states()).toEqual([['queued', 'in_progress', 'success']]);
    const [run] = await platform.checkRuns();
    expect(run).toMatchObject({ name: 'Wherry', external_id: 'dep_1', head_sha: platform.repository.sha });
    expect(run?.output).toMatchObject({ title: 'Live: 1 function' });
    expect(await platform.report('dep_1')).toMatchObject({ is_settled: true, failures: 0, last_error: null });
  });

  it('is told once, however often and by however many workers', async () => {
    await platform.deployment('dep_1', 'building');
    const workers = [platform.reporter(), platform.reporter(), platform.reporter()];
    await Promise.all(workers.flatMap((each) => [each.run('ten_a', 'dep_1'), each.run('ten_a', 'dep_1')]));
    await platform.become('dep_1', 'live');
    await Promise.all(workers.map((each) => each.run('ten_a', 'dep_1')));
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.checkRuns()).toMatchObject([{ conclusion: 'success' }]);
    expect(await platform.states()).toEqual([['in_progress', 'success']]);
    const writes = (await github.requests()).filter(
      ({ method, path }) => method !== 'GET' && path.includes('/repositories/'),
    );
    // Two writes of the check run, the deployment, and its two statuses.
    expect(writes).toHaveLength(5);
  });

  it.each(['check-runs', 'deployments', 'statuses'])(
    'is not made a second time when the answer to the first %s is lost',
    async (path) => {
      await github.addFault({ match: { method: 'POST', path: `/${path}$` }, times: 1, cut: true });
      await platform.deployment('dep_1', 'live');
      await platform.reporter().run('ten_a', 'dep_1');
      expect(await platform.report('dep_1')).toMatchObject({ is_settled: false, failures: 1 });
      await platform.due();
      await platform.reporter().run('ten_a', 'dep_1');
      expect(await platform.checkRuns()).toMatchObject([{ conclusion: 'success' }]);
      expect(await platform.states()).toHaveLength(1);
      expect(await platform.report('dep_1')).toMatchObject({ is_settled: true, failures: 0 });
    },
  );

  it('is told on the other channels when GitHub refuses one, which is tried again later', async () => {
    await github.addFault({ match: { method: 'POST', path: '/check-runs$' }, times: 1, status: 500 });
    await platform.deployment('dep_1', 'live');
    const reporter = platform.reporter();
    await reporter.run('ten_a', 'dep_1');
    expect(await platform.checkRuns()).toEqual([]);
    expect(await platform.states()).toEqual([['success']]);
    const report = await platform.report('dep_1');
    expect(report).toMatchObject({ is_settled: false, failures: 1 });
    expect(report.last_error).toContain('500');
    await reporter.run('ten_a', 'dep_1');
    expect(await platform.checkRuns(), 'before its time').toEqual([]);
    await platform.due();
    expect(await platform.store.pending()).toEqual([{ tenantId: 'ten_a', deploymentId: 'dep_1' }]);
    await reporter.run('ten_a', 'dep_1');
    expect(await platform.checkRuns()).toMatchObject([{ conclusion: 'success' }]);
    expect(await platform.states()).toEqual([['success']]);
  });

  it('is given up with a reason after a day of failures, and told again when there is news', async () => {
    await github.addFault({ match: { method: 'POST', path: '/(check-runs|deployments)$' }, times: 4, status: 403 });
    await platform.deployment('dep_1', 'building');
    await platform.reporter().run('ten_a', 'dep_1');
    await platform.sql(`update github_reports set failing_since = now() - interval '25 hours', next_try_at = now()`);
    await platform.reporter().run('ten_a', 'dep_1');
    const report = await platform.report('dep_1');
    expect(report).toMatchObject({ is_settled: true });
    expect(report.last_error).toMatch(/^It failed for a day and is not tried again until there is news\. .*403/);
    expect(await platform.store.pending()).toEqual([]);
    await platform.become('dep_1', 'live');
    expect(await platform.store.pending()).toHaveLength(1);
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.checkRuns()).toMatchObject([{ conclusion: 'success' }]);
    expect(await platform.report('dep_1')).toMatchObject({ is_settled: true, failures: 0, failing_since: null });
  });

  it('waits as long as GitHub asks, with all others of its installation', async () => {
    const headers = { 'retry-after': '80' };
    await github.addFault({ match: { method: 'POST', path: '/check-runs$' }, times: 1, status: 429, headers });
    await platform.deployment('dep_1', 'live');
    await platform.deployment('dep_2', 'live', { root_dir: 'api' });
    const reporter = platform.reporter();
    await reporter.run('ten_a', 'dep_1');
    await github.forgetRequests();
    await reporter.run('ten_a', 'dep_2');
    expect(await github.requests()).toEqual([]);
    const [wait] = await platform.sql(
      `select min(extract(epoch from next_try_at - now()))::float8 as seconds, max(failures) as failures from github_reports`,
    );
    expect(wait?.seconds).toBeGreaterThan(70);
    expect(wait?.failures).toBe(0);
    platform.nowMs += 81_000;
    installed.aheadMs = 81_000;
    await platform.due();
    await reporter.run('ten_a', 'dep_1');
    await reporter.run('ten_a', 'dep_2');
    const names = (await platform.checkRuns()).map(({ name }) => name);
    expect(names.toSorted()).toEqual(['Wherry', 'Wherry (api)']);
  });

  it('is found by the sweep when nobody heard of it, and is not when all of it was told', async () => {
    const due = [{ tenantId: 'ten_a', deploymentId: 'dep_1' }];
    await platform.deployment('dep_1', 'live');
    expect(await platform.store.pending()).toEqual(due);
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.store.pending()).toEqual([]);
    await platform.become('dep_1', 'retired');
    // Also when it has been live for a long time.
    await platform.sql(`update deployments set finished_at = now() - interval '9 days'`);
    expect(await platform.store.pending()).toEqual(due);
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.states()).toEqual([['success', 'inactive']]);
    expect(await platform.store.pending()).toEqual([]);
  });

  it('is left to the worker that has taken it over', async () => {
    await platform.deployment('dep_1', 'live');
    const slow = platform.reporter();
    await github.addFault({ match: { method: 'POST', path: '/check-runs$' }, times: 1, delayMs: 400 });
    const telling = slow.run('ten_a', 'dep_1');
    await expect.poll(async () => (await platform.report('dep_1')).lease_until).toBeTruthy();
    await expect.poll(async () => (await github.requests()).length).toBeGreaterThan(0);
    await platform.sql(`update github_reports set lease_until = now() + interval '1 minute'`);
    await telling;
    expect(await platform.report('dep_1')).toMatchObject({ check_run_id: null, is_settled: false });
    expect(platform.logged.at(-1)).toMatchObject({ op: 'deployment.report', ok: false });
  });

  it('shows why it failed, at the line', async () => {
    await platform.deployment('dep_1', 'failed', { reason: 'Function "hello": it ended with 1.' });
    const line = [Date.now(), 'stderr', 'hello', '/home/app/function/handler.js:7: SyntaxError'];
    await platform.sql(
      `insert into log_chunks (tenant_id, day, source, deployment_id, first_at, last_at, byte_count, lines)
       values ('ten_a', current_date, 'build', 'dep_1', now(), now(), 9, $1)`,
      [JSON.stringify([line])],
    );
    await platform.reporter().run('ten_a', 'dep_1');
    const [run] = await platform.checkRuns();
    expect(run).toMatchObject({ conclusion: 'failure', output: { annotations_count: 1 } });
    expect((run?.output as { text: string }).text).toContain('handler.js:7: SyntaxError');
    expect(await platform.states()).toEqual([['failure']]);
  });

  it('does not get its annotations twice', async () => {
    await platform.deployment('dep_1', 'building');
    await platform.reporter().run('ten_a', 'dep_1');
    await platform.become('dep_1', 'failed', 'stack.yml, line 3: Map keys must be unique.');
    await github.addFault({ match: { method: 'PATCH', path: '/check-runs/' }, times: 1, cut: true });
    await platform.reporter().run('ten_a', 'dep_1');
    await platform.due();
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.checkRuns()).toMatchObject([{ conclusion: 'failure', output: { annotations_count: 1 } }]);
  });
});

describe('a repository', () => {
  it('is told of on no channel that is switched off', async () => {
    const feedback = { checks: false, deployments: false, comments: false };
    await platform.sql(`update repositories set settings = $1`, [JSON.stringify({ feedback })]);
    const { environmentId } = await openPull();
    await github.forgetRequests();
    await platform.deployment('dep_1', 'live', { environment_id: environmentId });
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await github.requests()).toEqual([]);
    expect(await platform.report('dep_1')).toMatchObject({ is_settled: true });
  });

  it("that is not GitHub's makes no report", async () => {
    await platform.sql(
      `update repositories set source = 'builtin', github_id = null, installation_id = null, full_name = null`,
    );
    await platform.deployment('dep_1', 'live');
    expect(await platform.store.pending()).toEqual([]);
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.report('dep_1')).toEqual({});
    expect(await github.requests()).toEqual([]);
  });

  it('that was renamed is told of under its new name, and whoever has the old one is not', async () => {
    const { fullName } = platform.repository;
    const [owner = '', name = ''] = fullName.split('/');
    await github.renameRepository({ repository: fullName, to: `${name}-new` });
    await platform.deployment('dep_1', 'live');
    await platform.reporter().run('ten_a', 'dep_1');
    const renamed = { repository: `${fullName}-new`, sha: platform.repository.sha };
    expect(await github.checkRuns(renamed)).toMatchObject([{ conclusion: 'success' }]);

    await github.createRepository({ owner, name, files: { 'README.md': 'Another shop.' } });
    await platform.deployment('dep_2', 'live', { root_dir: 'api' });
    await platform.reporter().run('ten_a', 'dep_2');
    const { main = '' } = await github.branches({ repository: fullName });
    expect(await github.checkRuns({ repository: fullName, sha: main })).toEqual([]);
    expect(await github.deployments({ repository: fullName })).toEqual([]);
    expect(await github.checkRuns(renamed)).toHaveLength(2);
    expect(await platform.report('dep_2')).toMatchObject({ failures: 0, is_settled: true });
  });

  it('that was disconnected is told nothing more, with a reason', async () => {
    await platform.sql(`update repositories set disconnected_at = now()`);
    await platform.deployment('dep_1', 'live');
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await github.requests()).toEqual([]);
    const report = await platform.report('dep_1');
    expect(report).toMatchObject({ is_settled: true });
    expect(report.last_error).toContain('not connected');
  });
});

describe('a pull request', () => {
  it('has one comment that follows its deployments, whoever tells them', async () => {
    const { number, environmentId: environment_id } = await openPull();
    await platform.deployment('dep_1', 'building', { environment_id });
    await platform.deployment('dep_2', 'building', { environment_id, root_dir: 'api' });
    const workers = [platform.reporter(), platform.reporter()];
    const tell = async () => {
      await platform.due();
      await Promise.all(workers.flatMap((each) => [each.run('ten_a', 'dep_1'), each.run('ten_a', 'dep_2')]));
    };
    await tell();
    await tell();
    await platform.become('dep_1', 'live');
    await platform.become('dep_2', 'failed', 'npm ended with 1.');
    await tell();
    await tell();
    const comments = await platform.comments(number);
    expect(comments).toHaveLength(1);
    expect(comments[0]).toContain(`http://pr-${number}--shop--acme.apps.test:8080/hello/`);
    expect(comments[0]).toContain('[Failed](https://console.test/deployments/dep_2)');
    expect(await platform.store.pending()).toEqual([]);
  });

  it.each(['cut', 'drop'] as const)('has one comment also when the answer to it was lost (%s)', async (how) => {
    const { number, environmentId: environment_id } = await openPull();
    await github.addFault({ match: { method: 'POST', path: '/comments$' }, times: 1, [how]: true });
    await platform.deployment('dep_1', 'live', { environment_id });
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.report('dep_1')).toMatchObject({ failures: 1 });
    await platform.due();
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.comments(number)).toHaveLength(1);
  });

  it.each(['GET', 'POST'])('leaves its comment to the worker that took it over, during %s', async (method) => {
    const { number, environmentId: environment_id } = await openPull();
    await platform.sql(
      `insert into github_comments (tenant_id, repository_id, pull_request) values ('ten_a', 'rep_a', $1)`,
      [number],
    );
    const comment = async () => (await platform.sql('select * from github_comments'))[0] ?? {};
    const looked = async () => (await github.requests()).some(({ path }) => /\/comments(\?|$)/.test(path));
    await github.addFault({ match: { method, path: '/comments(\\?|$)' }, times: 1, delayMs: 3_000 });
    await platform.deployment('dep_1', 'live', { environment_id });
    const telling = platform.reporter().run('ten_a', 'dep_1');
    await expect.poll(async () => (await comment()).lease_until).toBeInstanceOf(Date);
    if (method === 'POST') await expect.poll(looked).toBe(true);
    await platform.sql(`update github_comments set lease_until = now() + interval '1 minute'`);
    await telling;
    if (method === 'GET') expect(await platform.comments(number)).toEqual([]);
    expect(await comment()).toMatchObject({ comment_id: null, lease_until: expect.any(Date) });
    expect(await platform.report('dep_1')).toMatchObject({ is_settled: false });
    await platform.sql(`update github_comments set lease_until = null`);
    await platform.due();
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.comments(number)).toHaveLength(1);
    expect(await platform.report('dep_1')).toMatchObject({ is_settled: true });
  });

  it("keeps the comments of others, also one that begins like the platform's", async () => {
    const { fullName: repository } = platform.repository;
    const { number, environmentId: environment_id } = await openPull();
    const body = `<!-- wherry preview ${environment_id} -->\nMine.`;
    await github.comment({ repository, number, author: 'mallory', body });
    // As if an attempt before this had ended before its comment was known.
    await platform.sql(
      `insert into github_comments (tenant_id, repository_id, pull_request) values ('ten_a', 'rep_a', $1)`,
      [number],
    );
    await platform.deployment('dep_1', 'live', { environment_id });
    await platform.reporter().run('ten_a', 'dep_1');
    const comments = await platform.comments(number);
    expect(comments).toHaveLength(2);
    expect(comments[0]).toBe(body);
  });

  it('gets its comment again when somebody removed it', async () => {
    const { fullName: repository } = platform.repository;
    const { number, environmentId: environment_id } = await openPull();
    await platform.deployment('dep_1', 'building', { environment_id });
    await platform.reporter().run('ten_a', 'dep_1');
    const [made] = await github.comments({ repository, number });
    await github.deleteComment({ repository, id: Number(made?.id), author: 'ada' });
    await platform.become('dep_1', 'live');
    await platform.reporter().run('ten_a', 'dep_1');
    const comments = await platform.comments(number);
    expect(comments).toHaveLength(1);
    expect(comments[0]).toContain('[Live]');
  });

  it('is told that its preview is gone, and its deployments are not active any more', async () => {
    const { number, environmentId: environment_id } = await openPull();
    await platform.deployment('dep_1', 'live', { environment_id });
    await platform.reporter().run('ten_a', 'dep_1');
    await platform.sql(
      `update environments set closed_at = now(), closed_reason = 'The pull request was closed.' where id = $1`,
      [environment_id],
    );
    expect(await platform.store.pending()).toEqual([{ tenantId: 'ten_a', deploymentId: 'dep_1' }]);
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.comments(number)).toEqual([expect.stringContaining('The preview was removed.')]);
    expect(await platform.states()).toEqual([['success', 'inactive']]);
    expect(await platform.store.pending()).toEqual([]);

    // Opened again, what was deployed before is not served again.
    await platform.sql(`update environments set closed_at = null, closed_reason = null, opened_at = clock_timestamp()`);
    await platform.deployment('dep_2', 'building', { environment_id, created_at: new Date(systemClock.now() + 1_000) });
    expect(await platform.store.pending()).toEqual([{ tenantId: 'ten_a', deploymentId: 'dep_2' }]);
    await platform.reporter().run('ten_a', 'dep_1');
    await platform.reporter().run('ten_a', 'dep_2');
    expect(await platform.comments(number)).toEqual([expect.stringMatching(/\[Building\].*dep_2/)]);
    expect((await platform.states()).toSorted()).toEqual([['in_progress'], ['success', 'inactive']]);
  });

  it('gets no comment for commits that were all skipped', async () => {
    const { number, environmentId: environment_id } = await openPull();
    await platform.deployment('dep_1', 'skipped', { environment_id, reason: 'Nothing changed.' });
    await platform.reporter().run('ten_a', 'dep_1');
    expect(await platform.comments(number)).toEqual([]);
    expect(await platform.checkRuns()).toMatchObject([{ conclusion: 'skipped' }]);
    expect(await platform.states()).toEqual([]);
  });
});
