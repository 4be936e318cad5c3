import { defineConfig } from 'vitest/config';

const exclude = ['node_modules/**', 'dist/**', 'e2e/**', 'builder/examples/**'];

/** unit: pure, fast. medium: real PostgreSQL, git, bubblewrap, processes. */
export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['**/*.spec.ts'], exclude: [...exclude, '**/*.medium.spec.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'medium',
          include: ['**/*.medium.spec.ts'],
          exclude,
          globalSetup: ['services/libs/testing/src/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
