import { defineConfig } from '@playwright/test';

/** One platform at a time: the machine has two cores, and each journey starts its own. */
export default defineConfig({
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  outputDir: '../test-results',
  projects: [
    { name: 'e2e', testDir: './journeys' },
    { name: 'faults', testDir: './faults', timeout: 1_800_000 },
  ],
});
