import { test as base } from '@playwright/test';
import { Platform, Repository } from '@wherry/harness';

/**
 * `platform`: the real embedded platform, started once per worker, and again after a failure; files share it, so names of
 * repositories differ from file to file. `repository(name)`: a working copy whose remote is the platform's; removed after
 * the test.
 */
export const test = base.extend<{ repository: (name: string) => Promise<Repository> }, { platform: Platform }>({
  platform: [
    async ({}, use) => {
      const platform = await Platform.start();
      await use(platform);
      await platform.destroy();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  repository: async ({ platform }, use) => {
    const made: Repository[] = [];
    await use(async (name) => {
      const repository = await Repository.create(platform.local.gitUrl, name);
      made.push(repository);
      return repository;
    });
    for (const repository of made) repository.remove();
  },
});
export { expect } from '@playwright/test';
