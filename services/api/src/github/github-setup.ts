import { operations } from '@wherry/contract/api';
import { AccessStore, ConsoleGithubAppStore } from '@wherry/db';
import { describeError } from '@wherry/logging';
import { DomainError } from '@wherry/problem';
import { Router, type Request, type RequestHandler } from 'express';
import type { ApiParts } from '../core.module';
import { Authenticate } from '../http/authenticate';
import { neverCached } from '../http/front';
import { contextOf, sessionOf } from '../http/request-context';
import { HttpGithubAppClient } from './adapters/http-github-app-client';
import { RegisterApp } from './register-app';

/** The page of the dashboard about the App; it tells what `?problem=<code>` means. */
export const githubPage = '/platform/github';

/**
 * Where GitHub sends browsers back to: with the code of a new App, and after the App was installed. Pages, not operations
 * of the API; each ends at a page of the dashboard, whose address holds nothing that came from outside.
 */
export function githubSetup(parts: ApiParts): RequestHandler {
  const { settings, database, system } = parts;
  const register = new RegisterApp(
    new ConsoleGithubAppStore(database),
    new HttpGithubAppClient(settings.githubApiUrl),
    settings,
    system,
  );
  const authenticate = new Authenticate(new AccessStore(database), settings, system);
  const router = Router();
  router.get('/app/created', neverCached, (request, response) => {
    contextOf(request).op = 'github.register';
    complete(request, register, authenticate).then(
      (page) => response.redirect(303, page),
      (error: unknown) => response.redirect(303, `${githubPage}?problem=${problemOf(error, request)}`),
    );
  });
  router.get('/installed', neverCached, (request, response) => {
    contextOf(request).op = 'github.install';
    const action = String(request.query['setup_action']);
    response.redirect(303, `/?github=${['install', 'update', 'request'].includes(action) ? action : 'install'}`);
  });
  return router;
}

/** @throws DomainError of whatever is not as it has to be. @returns where to go on. */
async function complete(request: Request, register: RegisterApp, authenticate: Authenticate): Promise<string> {
  const { cookie } = request.headers;
  const credentials = { cookie, authorization: undefined, requestId: contextOf(request).requestId };
  const { caller } = await authenticate.execute(operations.beginGithubRegistration, null, credentials);
  const { code, state } = request.query;
  if (typeof code !== 'string' || typeof state !== 'string' || code.length > 200 || state.length > 200) {
    throw new DomainError('github.registration_invalid', 'GitHub sends a code and a state with the browser.');
  }
  await register.complete(sessionOf(caller), credentials.requestId, { state, code });
  return `${githubPage}?registered=true`;
}

function problemOf(error: unknown, request: Request): string {
  const code = error instanceof DomainError ? error.code : 'internal';
  contextOf(request).failure = { code, message: describeError(error) };
  return code;
}
