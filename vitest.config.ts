import { defineConfig } from 'vitest/config';

const journeys = 'e2e/!(doubles)/**';
const exclude = ['node_modules/**', 'dist/**', journeys, 'builder/examples/**'];
const excludeFromCluster = exclude.filter((pattern) => pattern !== journeys);

const [medium, cluster] = ['**/*.medium.spec.ts', '**/*.cluster.spec.ts'];

/** unit: pure, fast. medium: real PostgreSQL, git, bubblewrap, processes. cluster: a real Kubernetes cluster. */
export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['**/*.spec.ts'], exclude: [...exclude, medium, cluster] },
      },
      {
        extends: true,
        test: {
          name: 'medium',
          include: [medium],
          exclude,
          globalSetup: ['services/libs/testing/src/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Vitest's own second is over in a moment on a machine that is busy.
          expect: { poll: { timeout: 15_000 } },
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: [cluster],
          exclude: excludeFromCluster,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
