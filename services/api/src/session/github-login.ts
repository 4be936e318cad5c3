import type { LoginError } from '@wherry/contract/api';
import { GithubLoginStore, type GithubPerson } from '@wherry/db';
import { newId } from '@wherry/domain';
import { describeError } from '@wherry/logging';
import { credentialPlace, open } from '@wherry/sealing';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import passport from 'passport';
import type { ApiParts } from '../core.module';
import { readCookie, sessionCookie, sessionCookieHeader } from '../http/cookies';
import { contextOf } from '../http/request-context';
import { hashOf, newSecretValue } from '../system';
import { GithubStrategy } from './adapters/github-strategy';
import { AtMost } from './at-most';
import { LoginCookie, safeReturnTo } from './login-cookie';

/** A login begins there, with `?returnTo=<path>` if wished, and ends at `/callback` below it. */
export const githubLoginPath = '/login/github';

/** The two steps of a login with GitHub. Pages, not operations of the API: browsers are sent from one to the next. */
export function githubLogin(parts: ApiParts): RequestHandler {
  const login = new GithubLogin(parts);
  return (request, response, next) => {
    if (request.path !== '/' && request.path !== '/callback') return next();
    const context = contextOf(request);
    context.op = request.path === '/' ? 'login.begin' : 'login.end';
    login
      .handle(request, response, next)
      .catch((error: unknown) => login.refuse(request, response, 'unavailable', error));
  };
}

class GithubLogin {
  private readonly store: GithubLoginStore;
  private readonly cookie: LoginCookie;
  /** Anybody can begin a login and come back with a made-up code, which costs a call of GitHub to find out. */
  private readonly exchanges: AtMost;

  constructor(private readonly parts: ApiParts) {
    this.store = new GithubLoginStore(parts.database);
    this.cookie = new LoginCookie(parts.settings, parts.system);
    this.exchanges = new AtMost(parts.settings.limits.loginsAtOnce);
  }

  async handle(request: Request, response: Response, next: NextFunction): Promise<void> {
    if (request.method !== 'GET') return next();
    const strategy = await this.strategy();
    if (strategy === null) return this.refuse(request, response, 'not_configured');
    const { returnTo, code, error } = request.query;
    const isAnswered = [code, error].some((one) => one !== undefined);
    // One without the other is somebody who typed the address, or another page that plays with it.
    if (isAnswered !== (request.path === '/callback')) return this.refuse(request, response, 'expired');
    if ([code, error].some((one) => one !== undefined && (typeof one !== 'string' || one === ''))) {
      return this.refuse(request, response, 'expired');
    }
    const options = { session: false, state: { returnTo: safeReturnTo(returnTo, this.parts.settings.consoleUrl) } };
    const done = (failure: unknown, person: unknown, info: unknown) => {
      this.end(request, response, { failure, person, info }).catch((thrown: unknown) =>
        this.refuse(request, response, 'unavailable', thrown),
      );
    };
    // Passport's types allow text only; with an object the strategy asks the cookie for a state of its own.
    passport.authenticate(strategy, options as unknown as passport.AuthenticateOptions, done)(request, response, next);
  }

  /** Sends the browser to the login page, which says what `error` means. */
  refuse(request: Request, response: Response, error: LoginError, failure?: unknown): void {
    const message = failure === undefined ? `The login ended with "${error}".` : describeError(failure);
    contextOf(request).failure = { code: `login.${error}`, message };
    if (response.headersSent) return;
    response.setHeader('set-cookie', this.cookie.removal);
    response.redirect(302, `/login?error=${error}`);
  }

  private async end(
    request: Request,
    response: Response,
    { failure, person, info }: Readonly<{ failure: unknown; person: unknown; info: unknown }>,
  ): Promise<void> {
    if (failure) return this.refuse(request, response, errorOf(failure), failure);
    if (!person) return this.refuse(request, response, request.query['error'] === undefined ? 'expired' : 'denied');
    const { settings, system } = this.parts;
    const value = newSecretValue('', system);
    const former = readCookie(request.headers.cookie, sessionCookie(settings));
    const now = system.now();
    const expiresAt = new Date(now.getTime() + settings.limits.sessionMs);
    const session = { tokenHash: hashOf(value), formerHash: former === null ? null : hashOf(former), now, expiresAt };
    const userId = newId('user', (count) => system.randomBytes(count));
    await this.store.signIn(person as GithubPerson, userId, session, contextOf(request).requestId);
    response.setHeader('set-cookie', [
      this.cookie.removal,
      sessionCookieHeader(value, settings.limits.sessionMs, settings),
    ]);
    const { state } = info as { state: { returnTo: string } };
    // Checked again: what comes from a cookie comes from outside.
    response.redirect(302, safeReturnTo(state.returnTo, settings.consoleUrl));
  }

  /** Made anew each time, because another App may have been registered; null as long as there is none. */
  private async strategy(): Promise<GithubStrategy | null> {
    const app = await this.store.app();
    if (app === null) return null;
    const { clientSecret } = app;
    const place = credentialPlace('client_secret', clientSecret.version);
    const secret = Buffer.from(await open(this.parts.keys, clientSecret, place)).toString('utf8');
    const callbackUrl = `${this.parts.settings.consoleUrl}${githubLoginPath}/callback`;
    return new GithubStrategy(
      this.parts.settings,
      { clientId: app.clientId, clientSecret: secret, callbackUrl },
      this.cookie,
      this.exchanges,
    );
  }
}

/** GitHub's words for a code that is too old, was used, or was asked for by another browser. */
function errorOf(failure: unknown): LoginError {
  // passport-oauth2 wraps what came of the exchange.
  const { code } = ((failure as { oauthError?: unknown }).oauthError ?? failure) as { code?: unknown };
  return code === 'bad_verification_code' || code === 'invalid_grant' ? 'expired' : 'unavailable';
}
