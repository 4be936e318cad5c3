import { invoke, type Platform } from '@wherry/harness';
import { expect, test } from '../support/github-test';
import { handler, stackOf } from '../support/sources';
import { chromium, needs } from '../support/tools';

test.beforeAll(() => needs(chromium));
test.describe.configure({ mode: 'serial' });
test.use({ actionTimeout: 20_000, world: 'github-dashboard' });

const files = (text: string) => ({ 'stack.yml': stackOf('hello'), 'hello/handler.js': handler(text) });
const repository = 'acme/shop';
/** For what builds run for, and for what the worker hears of GitHub. */
const patience = { timeout: 60_000 };

/** What a function of the organisation answers at a host. */
async function answer(platform: Platform, host: string, headers: Record<string, string> = {}): Promise<string> {
  const { status, text } = await invoke(platform, '/hello/', { host, headers });
  return status === 200 ? text : String(status);
}

test('an operator registers the App and installs it, and the repository is connected', async ({
  page,
  platform,
  github,
  signIn,
}) => {
  test.slow();
  for (const login of ['ada', 'bob']) await github.createUser({ login });
  const members = [
    { login: 'ada', role: 'admin' as const },
    { login: 'bob', role: 'member' as const },
  ];
  await github.createOrganisation({ login: 'acme', members, teams: [{ slug: 'core', members: ['bob'] }] });
  await github.createRepository({ owner: 'acme', name: 'shop', private: true, files: files('first') });
  await github.signIn({ login: 'ada' });
  await signIn();
  await page.goto(`${platform.local.consoleUrl}/platform/github`);
  await page.getByRole('textbox', { name: 'Organisation' }).fill('acme');
  await page.getByRole('checkbox', { name: 'GitHub can reach this console' }).check();
  await page.getByRole('button', { name: 'Go on to GitHub' }).click();
  await page.getByRole('button', { name: 'Create GitHub App for acme' }).click();
  await expect(page.getByText('The App is registered', { exact: true })).toBeVisible();
  const install = page.waitForEvent('popup');
  await page.getByRole('link', { name: 'Install it on an account' }).click();
  const there = await install;
  await there.getByRole('button', { name: 'Install on acme' }).click();
  await expect(there.getByRole('heading', { name: 'Wherry is installed' })).toBeVisible();
  await there.close();
  const host = `acme.${platform.local.appsDomain}:${new URL(platform.local.gatewayUrl).port}`;
  await expect.poll(() => answer(platform, host), patience).toBe('first');
});

test('a setting that is saved in the page holds: a branch has a preview, which gets a password and is ended', async ({
  page,
  platform,
  github,
  signInWithGithub,
}) => {
  test.slow();
  await signInWithGithub(page, 'ada');
  await expect(page).toHaveURL(`${platform.local.consoleUrl}/t/acme/functions`);
  await page.goto(`${platform.local.consoleUrl}/t/acme/repositories`);
  await page.getByRole('link', { name: 'Settings of shop' }).click();
  const branches = page.getByRole('switch', { name: 'For other branches' });
  await expect(branches).not.toBeChecked();
  await branches.check();
  const save = page.getByRole('button', { name: 'Save the settings' });
  await save.click();
  await expect(save).toBeDisabled();
  await page.reload();
  await expect(branches).toBeChecked();

  await github.push({ repository, branch: 'trial', files: files('a trial'), author: 'ada' });
  await page.goto(`${platform.local.consoleUrl}/t/acme/previews`);
  const preview = page.getByRole('list', { name: 'Previews' }).getByRole('listitem');
  await expect(preview).toContainText('shop, branch trial', patience);
  const address = await preview.getByRole('link', { name: '(opens in a new tab)' }).getAttribute('href');
  const { host } = new URL(String(address));
  await expect.poll(() => answer(platform, host), patience).toBe('a trial');

  await page.getByRole('button', { name: 'Password of shop, branch trial' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Make a password' }).click();
  const password = await dialog.getByRole('group', { name: 'Password' }).innerText();
  await dialog.getByRole('button', { name: 'I have copied it' }).click();
  await expect(dialog).toBeHidden();
  await expect(preview.getByText('password', { exact: true })).toBeVisible();
  await expect.poll(() => answer(platform, host), patience).toBe('401');
  const authorization = `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}`;
  expect(await answer(platform, host, { authorization })).toBe('a trial');

  await page.getByRole('button', { name: 'End shop, branch trial' }).click();
  await dialog.getByRole('button', { name: 'End the preview' }).click();
  await expect(page.getByText('No previews now')).toBeVisible();
  await expect.poll(() => answer(platform, host, { authorization }), patience).toBe('404');
});

test('what a team is mapped to is what its members may do, and whoever leaves the organisation is told so in the page', async ({
  page,
  browser,
  platform,
  github,
  signInWithGithub,
}) => {
  test.slow();
  const { consoleUrl } = platform.local;
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  const theirs = await context.newPage();
  await signInWithGithub(theirs, 'bob');
  await expect(theirs).toHaveURL(`${consoleUrl}/t/acme/functions`);
  await theirs.goto(`${consoleUrl}/t/acme/repositories/shop`);
  await expect(theirs.getByRole('switch', { name: 'For other branches' })).toBeDisabled();
  await expect(theirs.getByRole('button', { name: 'Save the settings' })).toBeHidden();

  await signInWithGithub(page, 'ada');
  await expect(page).toHaveURL(`${consoleUrl}/t/acme/functions`);
  await page.goto(`${consoleUrl}/t/acme/members`);
  const bob = page.getByRole('table', { name: 'Members' }).getByRole('row').filter({ hasText: 'bob' });
  await expect(bob).toContainText('Viewer');
  const role = page.getByRole('row').filter({ hasText: 'core' }).getByLabel('Role of team core');
  await role.click();
  await page.getByRole('option', { name: 'Developer' }).click();
  await expect(role).toHaveValue('Developer');
  // Who is signed in has the role within minutes, and whoever signs in has it at once.
  await context.clearCookies();
  await signInWithGithub(theirs, 'bob');
  await expect(theirs).toHaveURL(`${consoleUrl}/t/acme/functions`);
  await expect(bob).toContainText('Developer', patience);
  await theirs.goto(`${consoleUrl}/t/acme/repositories/shop`);
  await expect(theirs.getByRole('button', { name: 'Save the settings' })).toBeVisible();

  await theirs.goto(`${consoleUrl}/t/acme/previews`);
  await expect(theirs.getByText('No previews now')).toBeVisible();
  await github.removeMember({ organisation: 'acme', login: 'bob' });
  await expect(theirs.getByRole('alert')).toContainText('The previews could not be loaded', patience);
  await theirs.reload();
  await expect(theirs.getByRole('heading', { name: 'There is no tenant “acme”' })).toBeVisible();
  await context.close();
  await expect(bob).toHaveCount(0, patience);
});

test('the audit log names who changed what, and finds it by its name', async ({ page, platform, signInWithGithub }) => {
  await signInWithGithub(page, 'ada');
  await expect(page).toHaveURL(`${platform.local.consoleUrl}/t/acme/functions`);
  await page.goto(`${platform.local.consoleUrl}/t/acme/audit`);
  const rows = page.getByRole('table', { name: 'Audit log' }).getByRole('row');
  for (const [action, target] of [
    ['repository.configure', 'repository/shop'],
    ['preview.set_password', 'preview/'],
    ['preview.end', 'preview/'],
    ['github.team_role', 'github/team/core'],
  ] as const) {
    const row = rows.filter({ hasText: action });
    await expect(row).toHaveCount(1);
    await expect(row).toContainText('ada');
    await expect(row).toContainText(target);
  }
  await page.getByLabel('Change').fill('github.team_role');
  await expect(rows.filter({ hasText: 'repository.configure' })).toHaveCount(0);
  await expect(rows.filter({ hasText: 'github.team_role' })).toHaveCount(1);
});
