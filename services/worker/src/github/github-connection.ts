import type { GithubApp } from '@wherry/github';

/** The way to GitHub: the App that an operator registered. */
export interface GithubConnection {
  /** Null when no App is registered. Another one after another App, or another key, was registered. */
  app(): Promise<GithubApp | null>;
}

/** Nothing can be asked of GitHub, because no operator registered an App, or took it away again. */
export class NoGithubAppError extends Error {
  constructor() {
    super('No GitHub App is registered on this platform. An operator registers one in the console.');
    this.name = 'NoGithubAppError';
  }
}

/** The App. @throws NoGithubAppError */
export async function appOf(connection: GithubConnection): Promise<GithubApp> {
  const app = await connection.app();
  if (app === null) throw new NoGithubAppError();
  return app;
}
