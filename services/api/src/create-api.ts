import 'reflect-metadata';
import type { RequestListener } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { ConsoleGithubAppStore, ConsoleGithubDeliveryStore } from '@wherry/db';
import express, { type Request, type Response, type NextFunction } from 'express';
import { dashboard } from './adapters/dashboard';
import { gitProxy } from './adapters/git-proxy';
import { ApiModule } from './api.module';
import type { ApiParts } from './core.module';
import { githubSetup } from './github/github-setup';
import { webhookIntake } from './github/webhook-intake';
import { WebhookSecrets } from './github/webhook-secrets';
import { sessionCookie } from './http/cookies';
import { neverCached, openRequest, ownHostOnly, refuseNul, secureHeaders } from './http/front';
import { answerProblem } from './http/problem.filter';
import { githubLogin, githubLoginPath } from './session/github-login';

/** The console as one request listener, and how to let go of what it holds. */
export type Api = Readonly<{ handle: RequestListener; close: () => Promise<void> }>;

/**
 * Puts the console together. Order matters: `/git` goes through untouched, before the check of the host and of cookies,
 * which it does not use, and so do GitHub's webhooks, which are signed; no other body is read before its operation is
 * found and its caller let in.
 */
export async function createApi(parts: ApiParts): Promise<Api> {
  const { settings, log, system, database, queue, keys } = parts;
  const server = express();
  server.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  server.use(openRequest(log, system));
  server.use('/git/', gitProxy(settings.gitAddress, sessionCookie(settings)));
  const secrets = new WebhookSecrets(new ConsoleGithubAppStore(database), keys, log, system.now);
  const deliveries = new ConsoleGithubDeliveryStore(database);
  const intake = { secrets, store: deliveries, queue, system, limits: settings.limits };
  server.post('/github/webhooks', webhookIntake(intake));
  server.use(secureHeaders(settings.githubUrl), ownHostOnly(settings.consoleUrl), refuseNul);
  server.use('/v1', neverCached);
  server.use(githubLoginPath, neverCached, githubLogin(parts));
  server.use('/github', githubSetup(parts));
  const serveDashboard = dashboard(settings.dashboardDir);
  server.use((request, response, next) => (isApi(request) ? next() : serveDashboard(request, response, next)));
  server.use((error: unknown, request: Request, response: Response, _next: NextFunction) =>
    answerProblem(error, request, response),
  );
  const app = await NestFactory.create(ApiModule.of(parts), new ExpressAdapter(server), {
    bodyParser: false,
    logger: ['error'],
    abortOnError: false,
  });
  await app.init();
  return { handle: server, close: () => app.close() };
}

function isApi({ path }: Request): boolean {
  return path === '/v1' || path.startsWith('/v1/');
}
