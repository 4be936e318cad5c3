import { invoke, type Platform } from '@wherry/harness';
import { expectAccessible, expectReadable } from '../support/dashboard-checks';
import { expect, test } from '../support/github-test';
import { handler, stackOf } from '../support/sources';
import { chromium, needs } from '../support/tools';

test.beforeAll(() => needs(chromium));
test.describe.configure({ mode: 'serial' });
test.use({ actionTimeout: 20_000, world: 'github' });

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

test('a push that cannot be deployed says why on its check, and the former commit goes on serving', async ({
  platform,
  github,
}) => {
  test.slow();
  const odd = 'acme/odd';
  const patience = { timeout: 60_000 };
  const source = (text: string) => ({ 'stack.yml': stackOf('odd'), 'odd/handler.js': handler(text) });
  await github.createRepository({ owner: 'acme', name: 'odd', private: true, files: source('first') });
  const first = (await github.branches({ repository: odd }))['main']!;
  await expect.poll(() => answer(platform, 'acme', 'odd'), patience).toBe('first');

  const ended = async (sha: string) =>
    (await github.checkRuns({ repository: odd, sha })).map(({ status, conclusion, output }) => {
      const { title, summary } = output as { title: string; summary: string };
      return `${status} ${conclusion}: ${title} ${summary}`;
    });
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`;
  const cases: [files: Parameters<typeof github.push>[0]['files'], reason: RegExp][] = [
    [{ lib: { submodule: first } }, /^completed failure: [^]*"lib" is a submodule/],
    [{ 'odd/model.bin': pointer }, /^completed failure: [^]*Only pointers of these files[^]*odd\/model\.bin/],
    [{ 'stack.yml': 'functions: [' }, /^completed failure: [^]*stack\.yml/],
  ];
  for (const [files, reason] of cases) {
    const { sha } = await github.push({ repository: odd, branch: 'main', files, force: true, parent: first });
    await expect.poll(() => ended(sha), patience).toEqual([expect.stringMatching(reason)]);
  }
  expect(await answer(platform, 'acme', 'odd')).toBe('first');

  const replaced = await github.push({ repository: odd, branch: 'main', files: source('replaced'), force: true });
  const { sha } = await github.push({ repository: odd, branch: 'main', files: source('newest'), force: true });
  await expect.poll(() => answer(platform, 'acme', 'odd'), patience).toBe('newest');
  await expect.poll(() => ended(sha), patience).toEqual([expect.stringMatching(/^completed success: /)]);
  const runs = async () => (await ended(replaced.sha)).filter((run) => !/^completed [a-z_]+: ./.test(run));
  await expect.poll(runs, patience).toEqual([]);
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
  await expect.poll(() => conclusions(pushed.sha), { timeout: 60_000 }).toEqual(['action_required']);
  expect(await answer(platform, preview)).toBe('404');
  await github.comment({ repository, number, author: 'eve', body: `/deploy ${pushed.sha}` });
  await github.settled();
  await github.comment({ repository, number, author: 'bob', body: `/deploy ${pushed.sha}` });
  await expect.poll(() => answer(platform, preview), { timeout: 60_000 }).toBe('a gift');
  const next = await github.push({ repository: 'eve/shop', branch: 'gift', files: files('a trap'), author: 'eve' });
  await expect.poll(() => conclusions(next.sha), { timeout: 60_000 }).toEqual(['action_required']);
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

test('every page with what comes from GitHub is accessible in light and dark, and fits a phone', async ({
  page,
  platform,
  github,
  signIn,
  signInWithGithub,
}) => {
  test.slow(); // Some twenty pages, each looked at twice.
  await github.push({ repository, branch: 'long', files: files('a preview'), author: 'ada' });
  const title = 'A title that goes on for longer than a line of a phone has room for';
  const { number } = await github.openPullRequest({ repository, head: 'long', title, author: 'ada' });
  await expect.poll(() => answer(platform, `pr-${number}--shop--acme`), { timeout: 60_000 }).toBe('a preview');

  const { consoleUrl } = platform.local;
  const check = (at: string) => expectReadable(page, at, `${consoleUrl}${at}`);
  await check('/login');
  await signInWithGithub(page, 'ada');
  await expect(page).toHaveURL(`${consoleUrl}/t/acme/functions`);
  const read = async <T>(path: string) => (await (await page.request.get(`${consoleUrl}/v1${path}`)).json()) as T;
  const { previews } = await read<{ previews: { environment: string; deployment: { id: string } }[] }>(
    '/tenants/acme/previews',
  );
  const { deliveries } = await read<{ deliveries: { id: string }[] }>('/tenants/acme/deliveries');
  const [preview] = previews;
  const [delivery] = deliveries;
  const inPreview = `?environment=${encodeURIComponent(String(preview?.environment))}`;
  for (const path of [
    ...['/repositories', '/repositories/shop', '/previews', '/members', '/audit', '/deliveries', '/deployments'],
    ...[`/deliveries/${delivery?.id}`, `/deployments/${preview?.deployment.id}`],
    ...[`/functions${inPreview}`, `/functions/hello${inPreview}`, `/deployments${inPreview}`, `/settings${inPreview}`],
  ])
    await check(`/t/acme${path}`);
  await page.goto(`${consoleUrl}/t/acme/previews`);
  for (const name of ['Keep longer: ', 'Password of ', 'End ']) {
    await page.getByRole('button', { name: `${name}shop #${number}` }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await expectAccessible(page, `the dialog ${name}`);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
  }
  const signOut = async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    // Whoever signs in next has pages of their own, so nothing leads back to these.
    await expect(page).toHaveURL(`${consoleUrl}/`);
    await expect(page.getByRole('heading', { name: 'Sign in', exact: true })).toBeVisible();
  };
  await signOut();

  await signIn();
  for (const at of ['/platform/github', '/platform/tenants']) await check(at);
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Suspend acme' }).click();
  await dialog.getByRole('button', { name: 'Suspend the tenant' }).click();
  await page.getByRole('button', { name: 'Delete acme' }).click();
  await expect(dialog).toContainText('Have the App uninstalled from acme on GitHub first');
  await expectAccessible(page, 'deleting a tenant from GitHub');
  await dialog.getByRole('button', { name: 'Keep it as it is' }).click();
  await page.getByRole('button', { name: 'Resume acme' }).click();
  await dialog.getByRole('button', { name: 'Resume the tenant' }).click();
  await expect(page.getByRole('button', { name: 'Suspend acme' })).toBeVisible();
  await signOut();
  await signInWithGithub(page, 'ada');
  await expect(page).toHaveURL(`${consoleUrl}/t/acme/functions`);
});
