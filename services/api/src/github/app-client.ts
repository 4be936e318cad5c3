import { DomainError } from '@wherry/problem';

/** An App that GitHub made of a manifest, with everything that it tells once only. */
export type NewGithubApp = Readonly<{
  appId: number;
  slug: string;
  name: string;
  clientId: string;
  clientSecret: string;
  /** Null for an App without webhooks. */
  webhookSecret: string | null;
  privateKeyPem: string;
  htmlUrl: string;
  ownerLogin: string;
}>;

/** What the api asks of GitHub as nobody in particular. */
export abstract class GithubAppClient {
  /**
   * Takes the App that a manifest became. The code works once, within an hour.
   * @throws DomainError `github.registration_failed` with a sentence that says what to do.
   */
  abstract convertManifest(code: string): Promise<NewGithubApp>;
}

export function registrationFailed(why: string, cause?: unknown): DomainError {
  const advice = 'If an App was made on GitHub, delete it there; then begin again.';
  return new DomainError('github.registration_failed', `${why} ${advice}`, cause === undefined ? {} : { cause });
}
