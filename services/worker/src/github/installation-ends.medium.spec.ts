import { GithubDouble } from '@wherry/github-double';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Github, GithubPlatform } from '../testing/github-platform';

let github: Github;
let platform: GithubPlatform;

beforeEach(async () => {
  github = await GithubDouble.start();
  platform = await GithubPlatform.create(github);
});
afterEach(async () => {
  const violations = await github.violations();
  await platform.close();
  await github.stop();
  expect(violations).toEqual([]);
});

const tenant = async () => (await platform.sql(`select * from tenants where github_account_id is not null`))[0];
const repositories = () => platform.sql(`select * from repositories where source = 'github' order by github_id`);
const previews = () => platform.sql(`select closed_at, closed_reason from environments where kind = 'preview'`);

async function openPull(repository: string): Promise<void> {
  await github.push({ repository, branch: 'change', files: { 'a.txt': 'a' } });
  await github.openPullRequest({ repository, head: 'change', base: 'main' });
  await platform.handled();
}

it('another App in the place of the former stops nobody, and whoever installs it goes on', async () => {
  const { fullName: repository, id } = await platform.repository();
  const former = await platform.install();
  await platform.goLive(id);
  await platform.registerAnother();
  await platform.look();
  const body = { action: 'suspend', installation: { id: former } };
  await platform.store('late', 'installation', Buffer.from(JSON.stringify(body)));
  await platform.handled();
  expect(await tenant()).toMatchObject({ suspended_at: null });
  expect(await repositories()).toMatchObject([{ disconnected_at: null, installation_id: String(former) }]);
  const next = await platform.install();
  await platform.look();
  expect(await tenant()).toMatchObject({ suspended_at: null });
  expect(await repositories()).toMatchObject([{ disconnected_at: null, installation_id: String(next) }]);
  const { sha } = await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
  await platform.handled();
  expect((await platform.deployments(id)).at(-1)).toMatchObject({ commit_sha: sha });
});

it('one answer that there is no such installation stops nobody while GitHub lists it', async () => {
  await platform.repository();
  const installationId = await platform.install();
  const fault = { match: { method: 'GET', path: `^/app/installations/${installationId}$` }, status: 404 };
  await github.addFault(fault);
  await platform.look();
  expect(platform.platform.logged).toContainEqual(
    expect.objectContaining({
      op: 'head.compare',
      ok: false,
      message: expect.stringContaining('but does not show it'),
    }),
  );
  expect(await tenant()).toMatchObject({ suspended_at: null });
  expect(await repositories()).toMatchObject([{ disconnected_at: null }]);
});

it('one answer that there is no production branch does not cancel its build', async () => {
  const { fullName: repository, id } = await platform.repository();
  await platform.install();
  await expect.poll(async () => (await platform.deployments(id)).length).toBe(1);
  const refs = () => platform.sql(`select ref, commit_sha from repository_refs`);
  const before = await refs();
  const [known] = await repositories();
  const job = { tenantId: String(known?.tenant_id), repositoryId: String(known?.id), ref: 'refs/heads/main' };
  await github.deleteBranch({ repository, branch: 'main' });
  await platform.handled();
  await platform.worker.plan(job);
  expect(await platform.deployments(id)).toMatchObject([{ cancel_requested_at: null }]);
  expect(await refs()).toEqual(before);
});

it('an uninstalled App takes the previews along, also when it comes back for other repositories only', async () => {
  const { fullName } = await platform.repository();
  await platform.repository();
  const installationId = await platform.install();
  await openPull(fullName);
  expect(await previews()).toMatchObject([{ closed_at: null }]);
  await github.uninstall({ installationId });
  await platform.handled();
  await platform.install(['shop-2']);
  await platform.look();
  const closed_reason = expect.stringContaining('uninstalled');
  expect(await previews()).toMatchObject([{ closed_at: expect.any(Date), closed_reason }]);
  const [one, two] = await repositories();
  expect([one?.disconnected_at === null, two?.disconnected_at === null]).toEqual([false, true]);
  expect(await platform.sql(`select ref from repository_refs where repository_id = $1`, [one?.id])).toEqual([]);
});

it('previews of an App that was uninstalled by mistake are back with it', async () => {
  const { fullName } = await platform.repository();
  const installationId = await platform.install();
  await openPull(fullName);
  await github.uninstall({ installationId });
  await platform.handled();
  expect(await previews()).toMatchObject([{ closed_at: expect.any(Date) }]);
  await platform.install();
  await platform.look();
  expect(await previews()).toMatchObject([{ closed_at: null }]);
});

it('a limited installation is not called by any part of the worker until the limit is over', async () => {
  const { id } = await platform.repository();
  const installationId = await platform.install();
  await expect.poll(async () => (await platform.deployments(id)).length).toBe(1);
  await github.addFault({
    match: { path: '^/installation/' },
    times: 1,
    status: 429,
    headers: { 'retry-after': '80' },
  });
  await platform.look();
  await platform.sql(`update github_installations set refreshed_at = null`);
  await github.forgetRequests();
  await platform.look();
  const own = (await github.requests()).filter(({ path }) => !path.startsWith('/app/'));
  expect(own).toEqual([]);
  expect((await github.requests()).some(({ path }) => path === `/app/installations/${installationId}`)).toBe(true);
  platform.registered.aheadMs = 81_000;
  await platform.look();
  expect((await github.requests()).some(({ path }) => path.startsWith('/installation/repositories'))).toBe(true);
});
