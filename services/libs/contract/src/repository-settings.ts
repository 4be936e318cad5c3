import { z } from 'zod';

/** One line: PostgreSQL keeps no NUL, and a line end would make two patterns of one. */
const Pattern = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\0\r\n]+$/, 'one line');

/** A folder of the repository, relative and without `..`; `.` is the repository itself. */
const RootDir = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0\\]+$/, 'a relative folder without ".."');

/** How a repository from GitHub is deployed: the column `repositories.settings`. What is left out has its default. */
export const RepositorySettings = z.strictObject({
  /**
   * The stacks of the repository: a folder each. `paths` are patterns as in .gitignore, relative to the repository; a
   * commit that changes nothing they match is skipped. None: every commit is deployed.
   */
  roots: z
    .array(z.strictObject({ dir: RootDir, paths: z.array(Pattern).max(50).default([]) }))
    .min(1)
    .max(20)
    .refine((roots) => new Set(roots.map(({ dir }) => dir)).size === roots.length, 'each folder once')
    .default([{ dir: '.', paths: [] }]),
  /** Deploy only after the other checks of the commit have succeeded. */
  waitForChecks: z.boolean().default(false),
  previews: z
    .strictObject({
      pullRequests: z.boolean().default(true),
      branches: z.boolean().default(false),
      /** Days after its last push that a preview is removed. */
      leaseDays: z.int().min(1).max(90).default(14),
      /** Whether previews see the secrets and variables of production. */
      productionSecrets: z.boolean().default(false),
      /** Code from forks and from people without write permission. isolated: no secrets, no cache, no way out. */
      outsiders: z.enum(['refused', 'isolated']).default('refused'),
    })
    .prefault({}),
  /** What is told on GitHub. */
  feedback: z
    .strictObject({
      checks: z.boolean().default(true),
      deployments: z.boolean().default(true),
      comments: z.boolean().default(true),
    })
    .prefault({}),
});
export type RepositorySettings = z.infer<typeof RepositorySettings>;
