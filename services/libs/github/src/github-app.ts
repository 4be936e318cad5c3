import { createSign } from 'node:crypto';
import { App } from '@octokit/app';
import { Octokit } from '@octokit/core';
import { z } from 'zod';
import { parsed } from './ask';
import { githubError } from './github-error';

/** A client whose `request` is authenticated, gives up after a while, and fails with a GithubError. */
export type GithubClient = Octokit;

export type GithubAppOptions = Readonly<{
  appId: number;
  /** PKCS#1 or PKCS#8, as GitHub hands it out. */
  privateKeyPem: string;
  /** Such as https://api.github.com or https://host/api/v3. */
  apiUrl: string;
  /** Where people and git go, such as https://github.com. */
  githubUrl: string;
  /** Epoch milliseconds. */
  now: () => number;
  /** After which a call without a complete answer is given up. */
  timeoutMs?: number;
}>;

/** What an installation token is cut down to. */
export type Narrowing = Readonly<{
  repositoryIds?: readonly number[];
  permissions?: Readonly<Record<string, 'read' | 'write'>>;
}>;

export type InstallationToken = Readonly<{ token: string; /** Epoch milliseconds. */ expiresAtMs: number }>;

const Token = z.object({ token: z.string().min(1), expiresAt: z.string() });

const byName = '/repos/{owner}/{repo}';

/**
 * Seconds that a JWT of the App is dated back, and that it is good for from then on: with the clocks a minute apart in
 * either direction it is neither of the future nor longer than the ten minutes that GitHub allows. Clocks that are further
 * apart cost one more call each time.
 */
const jwtAgeSeconds = 90;
const jwtSeconds = 540;

/**
 * The GitHub App that this platform is, as its holder of the private key sees it. Tokens are kept until a minute before
 * they end and asked for again when GitHub refuses them.
 */
export class GithubApp {
  /** As the App itself (JWT): installations, and deliveries of webhooks. */
  readonly app: GithubClient;
  private readonly timeoutMs: number;

  constructor(private readonly options: GithubAppOptions) {
    this.timeoutMs = options.timeoutMs ?? 10_000;
    const createJwt = (_appId: unknown, aheadSeconds = 0) => Promise.resolve(this.jwt(aheadSeconds));
    const AppOctokit = Octokit.defaults((given: ConstructorParameters<typeof Octokit>[0]) => ({
      ...given,
      ...this.clientOptions(),
      // The key is used by createJwt only: octokit takes one of the two.
      auth: { ...(given as { auth: object }).auth, privateKey: undefined, createJwt },
    }));
    const { appId, privateKeyPem: privateKey } = options;
    this.app = new App({ appId, privateKey, Octokit: AppOctokit }).octokit;
    this.failAsGithubError(this.app);
  }

  get appId(): number {
    return this.options.appId;
  }

  /** A client for all that one installation may see. Makes no call itself. */
  installation(installationId: number): GithubClient {
    return this.client(installationId, {});
  }

  /**
   * A client for one repository. Routes are written with `/repos/{owner}/{repo}`, and sent with its number in their place,
   * as GitHub's own redirects after a rename are: a name may go to somebody else at any moment, and a token reads every
   * public repository, so that another one's commits would be taken for those of this.
   */
  repository(installationId: number, repositoryId: number): GithubClient {
    const client = this.client(installationId, { repositoryIds: [repositoryId] });
    client.hook.before('request', (options) => {
      if (!options.url.startsWith(byName)) return;
      options.url = `/repositories/${repositoryId}${options.url.slice(byName.length)}`;
      delete options['owner'];
      delete options['repo'];
    });
    return client;
  }

  /** A token that lives an hour at most and 1 minute at least. @throws GithubError */
  async installationToken(installationId: number, narrowing: Narrowing = {}): Promise<InstallationToken> {
    const { token, expiresAt } = await this.token(installationId, narrowing, false);
    return { token, expiresAtMs: Date.parse(expiresAt) };
  }

  /** Where a repository is fetched from, without credentials. */
  remoteOf(fullName: string): string {
    return `${this.options.githubUrl.replace(/\/$/, '')}/${fullName}.git`;
  }

  private client(installationId: number, narrowing: Narrowing): GithubClient {
    const octokit = new Octokit(this.clientOptions());
    octokit.hook.wrap('request', async (request, options) => {
      const send = async (refresh: boolean) => {
        const { token } = await this.token(installationId, narrowing, refresh);
        options.headers.authorization = `token ${token}`;
        return request(options);
      };
      try {
        return await send(false);
      } catch (error) {
        // A kept token ends early when the installation was suspended in between, or the App's key replaced.
        if ((error as { status?: number }).status !== 401) throw error;
        return send(true);
      }
    });
    this.failAsGithubError(octokit);
    return octokit;
  }

  private async token(installationId: number, narrowing: Narrowing, refresh: boolean): Promise<z.infer<typeof Token>> {
    const { repositoryIds, permissions } = narrowing;
    const call = 'POST /app/installations/{installation_id}/access_tokens';
    try {
      const auth = await this.app.auth({
        ...{ type: 'installation', installationId, refresh },
        ...(repositoryIds && { repositoryIds: [...repositoryIds] }),
        ...(permissions && { permissions: { ...permissions } }),
      });
      return parsed(Token, auth, call);
    } catch (error) {
      throw githubError(error, call, this.options.now());
    }
  }

  private failAsGithubError(octokit: Octokit): void {
    octokit.hook.error('request', (error, options) => {
      throw githubError(error, `${options.method} ${options.url}`, this.options.now());
    });
  }

  private clientOptions() {
    const quiet = () => undefined;
    return {
      baseUrl: this.options.apiUrl.replace(/\/$/, ''),
      userAgent: 'wherry',
      request: { fetch: (url: string, init: RequestInit) => this.fetch(url, init) },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    };
  }

  /** Addresses of next pages come from answers: the credential goes to the API only. */
  private async fetch(url: string, init: RequestInit): Promise<Response> {
    if (new URL(url).origin !== new URL(this.options.apiUrl).origin) throw new TypeError(`${url} is not of the API.`);
    const timeout = AbortSignal.timeout(this.timeoutMs);
    return fetch(url, { ...init, signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout });
  }

  /**
   * @param aheadSeconds how far GitHub's clock is ahead of this one. octokit finds it out by the `date` of the answer when
   * GitHub refuses a JWT for its times, and asks again.
   */
  private jwt(aheadSeconds: number): { jwt: string; expiresAt: string } {
    const { appId, privateKeyPem, now } = this.options;
    const iat = Math.floor(now() / 1000) + aheadSeconds - jwtAgeSeconds;
    const exp = iat + jwtSeconds;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat, exp, iss: String(appId) })}`;
    const signature = createSign('RSA-SHA256').update(text).sign(privateKeyPem, 'base64url');
    return { jwt: `${text}.${signature}`, expiresAt: new Date(exp * 1000).toISOString() };
  }
}
