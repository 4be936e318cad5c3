import { invoke, type Platform } from '@wherry/harness';
import { expectAccessible } from '../support/dashboard-checks';
import { expect, test } from '../support/github-test';
import { handler, stackOf } from '../support/sources';
import { chromium, needs } from '../support/tools';

test.beforeAll(() => needs(chromium));
test.describe.configure({ mode: 'serial' });
test.use({ actionTimeout: 20_000 });

const files = (text: string) => ({ 'stack.yml': stackOf('hello'), 'hello/handler.js': handler(text) });
const repository = 'acme/shop';

/** What a function of the organisation answers at a host label, such as `acme` or that of a preview. */
async function answer(platform: Platform, label: string, name = 'hello'): Promise<string> {
  const port = new URL(platform.local.gatewayUrl).port;
  const { status, text } = await invoke(platform, `/${name}/`, {
    host: `${label}.${platform.local.appsDomain}:${port}`,
  });
  return status === 200 ? text : String(status);
}

test('an operator registers the App and installs it, and a push to GitHub is live with a green check', async ({
  page,
  platform,
  github,
  signIn,
}) => {
  test.slow();
  for (const login of ['ada', 'bob', 'eve']) await github.createUser({ login });
  const members = [
    { login: 'ada', role: 'admin' as const },
    { login: 'bob', role: 'member' as const },
  ];
  await github.createOrganisation({ login: 'acme', members, teams: [{ slug: 'core', members: ['bob'] }] });
  await github.createRepository({ owner: 'acme', name: 'shop', private: true, files: files('first') });
  await github.setPermission({ repository, login: 'bob', permission: 'write' });
  await github.signIn({ login: 'ada' });

  await signIn();
  await page.goto(`${platform.local.consoleUrl}/platform/github`);
  await page.getByRole('textbox', { name: 'Organisation' }).fill('acme');
  await page.getByRole('checkbox', { name: 'GitHub can reach this console' }).check();
  await expectAccessible(page, 'registering the App');
  await page.getByRole('button', { name: 'Go on to GitHub' }).click();
  await page.getByRole('button', { name: 'Create GitHub App for acme' }).click();
  await expect(page.getByText('The App is registered', { exact: true })).toBeVisible();
  await expectAccessible(page, 'the registered App');

  const install = page.waitForEvent('popup');
  await page.getByRole('link', { name: 'Install it on an account' }).click();
  const there = await install;
  await there.getByRole('button', { name: 'Install on acme' }).click();
  await expect(there.getByRole('heading', { name: 'Wherry is installed' })).toBeVisible();
  await there.close();

  await expect.poll(() => answer(platform, 'acme'), { timeout: 60_000 }).toBe('first');
  const { sha } = await github.push({
    repository,
    branch: 'main',
    files: files('second'),
    message: 'The second',
    author: 'bob',
  });
  await expect.poll(() => answer(platform, 'acme'), { timeout: 60_000 }).toBe('second');
  await expect
    .poll(async () =>
      (await github.checkRuns({ repository, sha })).map(({ status, conclusion }) => [status, conclusion]),
    )
    .toEqual([['completed', 'success']]);
  const [run] = await github.checkRuns({ repository, sha });
  expect(JSON.stringify(run)).toContain(`http://acme.${platform.local.appsDomain}`);
});

test('an owner signs in with GitHub and finds the organisation, its repository and its deliveries', async ({
  page,
  platform,
  signInWithGithub,
}) => {
  await signInWithGithub(page, 'ada');
  await expect(page).toHaveURL(`${platform.local.consoleUrl}/t/acme/functions`);
  await page.goto(`${platform.local.consoleUrl}/t/acme/repositories`);
  await expect(page.getByText('acme/shop').first()).toBeVisible();
  await page.goto(`${platform.local.consoleUrl}/t/acme/deliveries`);
  await expect(page.getByText('push').first()).toBeVisible();
  await page.goto(`${platform.local.consoleUrl}/t/acme/members`);
  await expect(page.getByText('ada').first()).toBeVisible();
});

test('a pull request has a preview and one comment, which end with it; what is merged is live', async ({
  platform,
  github,
}) => {
  test.slow();
  await github.push({ repository, branch: 'idea', files: files('an idea'), author: 'bob' });
  const { number } = await github.openPullRequest({ repository, head: 'idea', title: 'An idea', author: 'bob' });
  const preview = `pr-${number}--shop--acme`;
  await expect.poll(() => answer(platform, preview), { timeout: 60_000 }).toBe('an idea');
  expect(await answer(platform, 'acme')).toBe('second');
  const comments = async () => (await github.comments({ repository, number })).map(({ body }) => String(body));
  await expect.poll(comments).toEqual([expect.stringContaining(`http://${preview}.${platform.local.appsDomain}`)]);
  await github.push({ repository, branch: 'idea', files: files('a better idea'), author: 'bob' });
  await expect.poll(() => answer(platform, preview), { timeout: 60_000 }).toBe('a better idea');

  await github.mergePullRequest({ repository, number, author: 'ada' });
  await expect.poll(() => answer(platform, 'acme'), { timeout: 60_000 }).toBe('a better idea');
  await expect.poll(() => answer(platform, preview), { timeout: 60_000 }).toBe('404');
  await expect.poll(comments).toEqual([expect.stringContaining('The preview was removed.')]);
});

test('a rollback of what came from GitHub serves the former commit, and the next push does not undo it', async ({
  page,
  platform,
  github,
  signInWithGithub,
}) => {
  await signInWithGithub(page, 'ada');
  await page.goto(`${platform.local.consoleUrl}/t/acme/deployments`);
  await page.getByRole('link', { name: 'The second' }).first().click();
  await page.getByRole('button', { name: 'Roll back to this' }).click();
  await page.getByRole('dialog', { name: 'Roll back shop?' }).getByRole('button', { name: 'Roll back' }).click();
  await expect.poll(() => answer(platform, 'acme'), { timeout: 60_000 }).toBe('second');
  const { sha } = await github.push({ repository, branch: 'main', files: files('third'), author: 'bob' });
  await expect
    .poll(async () => (await github.checkRuns({ repository, sha })).map(({ conclusion }) => conclusion), {
      timeout: 60_000,
    })
    .toEqual(['skipped']);
  expect(await answer(platform, 'acme')).toBe('second');
});

test('code of an outsider runs nowhere until a maintainer names its commit, and then only that commit', async ({
  platform,
  github,
}) => {
  test.slow();
  await github.forkRepository({ repository, owner: 'eve' });
  const pushed = await github.push({ repository: 'eve/shop', branch: 'gift', files: files('a gift'), author: 'eve' });
  const { number } = await github.openPullRequest({
    ...{ repository, head: 'gift', fork: 'eve/shop', title: 'A gift', author: 'eve' },
  });
  const preview = `pr-${number}--shop--acme`;
  const conclusions = async (sha: string) =>
    (await github.checkRuns({ repository, sha })).map(({ conclusion }) => conclusion);
  await expect.poll(() => conclusions(pushed.sha), { timeout: 60_000 }).toEqual(['skipped']);
  expect(await answer(platform, preview)).toBe('404');
  await github.comment({ repository, number, author: 'eve', body: `/deploy ${pushed.sha}` });
  await github.settled();
  await github.comment({ repository, number, author: 'bob', body: `/deploy ${pushed.sha}` });
  await expect.poll(() => answer(platform, preview), { timeout: 60_000 }).toBe('a gift');
  const next = await github.push({ repository: 'eve/shop', branch: 'gift', files: files('a trap'), author: 'eve' });
  await expect.poll(() => conclusions(next.sha), { timeout: 60_000 }).toEqual(['skipped']);
  expect(await answer(platform, preview)).toBe('a gift');
  await github.closePullRequest({ repository, number, author: 'eve' });
  await expect.poll(() => answer(platform, preview), { timeout: 60_000 }).toBe('404');
});

test('a member who leaves the organisation has lost the tenant within minutes', async ({
  browser,
  platform,
  github,
  signInWithGithub,
}) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signInWithGithub(page, 'bob');
  await expect(page).toHaveURL(`${platform.local.consoleUrl}/t/acme/functions`);
  await github.removeMember({ organisation: 'acme', login: 'bob' });
  const seen = () => page.request.get(`${platform.local.consoleUrl}/v1/tenants/acme/functions`);
  await expect.poll(async () => (await seen()).status(), { timeout: 60_000 }).toBe(404);
  await context.close();
});

test('a suspended installation stops its functions, and they are back when it is resumed', async ({
  platform,
  github,
}) => {
  const [app] = await github.apps();
  const installationId = app?.installations[0] as number;
  await github.suspend({ installationId });
  await expect.poll(() => answer(platform, 'acme'), { timeout: 60_000 }).toBe('404');
  await github.unsuspend({ installationId });
  await expect.poll(() => answer(platform, 'acme'), { timeout: 60_000 }).toBe('second');
});

test('a push whose webhook never comes is live within two minutes', async ({
  platform,
  github,
  page,
  signInWithGithub,
}) => {
  test.slow();
  await signInWithGithub(page, 'ada');
  await github.addFault({ match: { event: '*' }, lose: true });
  await github.createRepository({
    owner: 'acme',
    name: 'quiet',
    files: { 'stack.yml': stackOf('quiet'), 'quiet/handler.js': handler('heard') },
  });
  await expect.poll(() => answer(platform, 'acme', 'quiet'), { timeout: 120_000 }).toBe('heard');
  await github.clearFaults({});
});
