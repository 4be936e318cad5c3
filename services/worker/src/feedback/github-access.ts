import type { GithubClient } from '@wherry/github';

/** The way to GitHub for one repository. */
export type RepositoryAccess = Readonly<{
  /** Sees the repository with this number only, whatever its name is by now. */
  client: GithubClient;
  /** The App that speaks. */
  appId: number;
}>;

export interface GithubAccess {
  /** @throws GithubError `refused` when this platform has no App. */
  repository(installationId: number, githubId: number): Promise<RepositoryAccess>;
}
