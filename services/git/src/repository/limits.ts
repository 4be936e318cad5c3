/** What one tenant's repositories may take. */
export type GitLimits = Readonly<{
  /** Bytes of one push's pack. */
  pushBytes: number;
  /** Bytes of one repository on disk, beyond which nothing more is taken in. */
  repositoryBytes: number;
  repositories: number;
  /** Branches and tags of one repository. */
  refs: number;
  /** Longest time of one git process. */
  backendMs: number;
  /** Git processes for requests at a time; more are told to come again. */
  backends: number;
}>;

export const gitLimits: GitLimits = {
  pushBytes: 100 * 1024 * 1024,
  repositoryBytes: 500 * 1024 * 1024,
  repositories: 200,
  refs: 2_000,
  backendMs: 15 * 60_000,
  backends: 32,
};

export function inMiB(bytes: number): string {
  return `${Math.round((bytes / 1024 / 1024) * 10) / 10} MiB`;
}
