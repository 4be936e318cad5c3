import type { Page } from '@playwright/test';
import { GithubDouble } from '@wherry/github-double';
import { Platform } from '@wherry/harness';
import { test as base } from './dashboard-test';

type Github = Awaited<ReturnType<typeof GithubDouble.start>>;

/**
 * `github`: a GitHub of the worker's own; `platform` knows no other one. A test fails when the double answered anything
 * that GitHub's description does not allow. `world`: each file names its own, so that Playwright starts a worker, and with
 * it a GitHub and a platform, for each.
 */
export const test = base.extend<
  { signInWithGithub: (page: Page, login: string) => Promise<void> },
  { world: string; github: Github; platform: Platform }
>({
  world: ['', { scope: 'worker', option: true }],
  github: [
    async ({}, use) => {
      const github = await GithubDouble.start();
      await use(github);
      const violations = await github.violations();
      await github.stop();
      if (violations.length > 0)
        throw new Error(`The double answered what GitHub would not:\n${violations.join('\n')}`);
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  platform: [
    async ({ github }, use) => {
      const platform = await Platform.start({
        env: { WHERRY_GITHUB_URL: github.url, WHERRY_GITHUB_API_URL: github.apiUrl },
      });
      await use(platform);
      await platform.destroy();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  /** As somebody who is signed in at GitHub in that browser. */
  signInWithGithub: async ({ github, platform }, use) =>
    use(async (page, login) => {
      await github.signIn({ login });
      await page.goto(`${platform.local.consoleUrl}/login`);
      await page.getByRole('link', { name: 'Sign in with GitHub' }).click();
      await page.getByRole('button', { name: 'Authorize' }).click();
    }),
});
export { expect } from './platform-test';
