import { createSign } from 'node:crypto';
import { App } from '@octokit/app';
import { Octokit } from '@octokit/core';
import { z } from 'zod';
import { parsed } from './ask';
import { GithubError, githubError } from './github-error';

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

/** GitHub's limits are of an hour: no answer keeps an installation from being asked for longer. */
const longestLimitMs = 3_600_000;

/**
 * The GitHub App that this platform is, as its holder of the private key sees it. Tokens are kept until a minute before
 * they end and asked for again when GitHub refuses them. When GitHub takes no more calls of an installation, none is made
 * before the time that GitHub names: each fails as `limited` at once, whoever makes it.
 */
export class GithubApp {
  /** As the App itself (JWT): installations, and deliveries of webhooks. */
  readonly app: GithubClient;
  private readonly timeoutMs: number;
  /** Installation → epoch milliseconds until which GitHub takes no calls of it. */
  private readonly limited = new Map<number, number>();

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
    this.app.hook.error('request', (error, options) => {
      throw githubError(error, `${options.method} ${options.url}`, this.options.now());
    });
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
    octokit.hook.error('request', (error, options) => {
      throw this.failed(error, `${options.method} ${options.url}`, installationId);
    });
    return octokit;
  }

  private async token(installationId: number, narrowing: Narrowing, refresh: boolean): Promise<z.infer<typeof Token>> {
    const { repositoryIds, permissions } = narrowing;
    const call = 'POST /app/installations/{installation_id}/access_tokens';
    this.refuseLimited(installationId);
    try {
      const auth = await this.app.auth({
        ...{ type: 'installation', installationId, refresh },
        ...(repositoryIds && { repositoryIds: [...repositoryIds] }),
        ...(permissions && { permissions: { ...permissions } }),
      });
      // octokit keeps whatever was answered for an hour, also what was no token.
      if (!refresh && !Token.safeParse(auth).success) return await this.token(installationId, narrowing, true);
      return parsed(Token, auth, call);
    } catch (error) {
      throw this.failed(error, call, installationId);
    }
  }

  /** Every call of an installation needs its token first, so that this comes before each. @throws GithubError `limited` */
  private refuseLimited(installationId: number): void {
    const retryAtMs = this.limited.get(installationId);
    if (retryAtMs === undefined) return;
    if (retryAtMs <= this.options.now()) {
      this.limited.delete(installationId);
      return;
    }
    const message = `GitHub takes no more calls of this installation until ${new Date(retryAtMs).toISOString()}; it is tried again after that.`;
    throw new GithubError('limited', message, { retryAtMs });
  }

  /** The failure of a call of an installation; a limit is remembered. */
  private failed(error: unknown, call: string, installationId: number): GithubError {
    const now = this.options.now();
    const failure = githubError(error, call, now);
    const { retryAtMs } = failure.details;
    if (failure.kind === 'limited' && retryAtMs !== undefined)
      this.limited.set(installationId, Math.min(retryAtMs, now + longestLimitMs));
    return failure;
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
