import type { Page } from '@playwright/test';
import { Operator } from '@wherry/harness';
import { expect, test as base } from './platform-test';

/** Background requests of the browser's own are off: they fail noisily where there is no internet. */
const flags = [
  ...['--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

type Dashboard = Readonly<{
  page: Page;
  /** The address of a dashboard page of the operator's tenant, such as `/functions`. */
  address: (path: string) => string;
  /** A login link that nobody has used. */
  loginLink: () => Promise<string>;
  /** Signs the page's browser in, and waits for the first page. */
  signIn: () => Promise<void>;
}>;

/**
 * Journeys through the dashboard in a real browser. Their fixtures of a worker give them a worker of their own, and so a
 * platform that begins without functions. A test fails when a page throws, opens a dialog of the browser, or breaks its
 * content security policy.
 */
export const test = base.extend<Dashboard, { operator: Operator }>({
  operator: [async ({ platform }, use) => use(await Operator.signIn(platform)), { scope: 'worker' }],
  launchOptions: [
    async ({}, use) => {
      const isRoot = process.getuid?.() === 0;
      await use({ executablePath: '/usr/bin/chromium', args: isRoot ? [...flags, '--no-sandbox'] : flags });
    },
    { scope: 'worker' },
  ],
  contextOptions: { reducedMotion: 'reduce' },
  page: async ({ page }, use) => {
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('dialog', (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) faults.push(message.text());
    });
    await use(page);
    expect(faults, 'faults of the pages').toEqual([]);
  },
  address: async ({ platform }, use) => use((path) => `${platform.local.consoleUrl}/t/${platform.local.tenant}${path}`),
  loginLink: async ({ operator }, use) =>
    use(async () => (await operator.call<{ url: string }>('POST', '/login-links', {})).url),
  signIn: async ({ page, loginLink }, use) =>
    use(async () => {
      await page.goto(await loginLink());
      await expect(page.getByRole('heading', { name: 'Functions', level: 1 })).toBeVisible();
    }),
});
export { expect } from './platform-test';
