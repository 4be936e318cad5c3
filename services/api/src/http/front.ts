import { randomUUID } from 'node:crypto';
import type { Log, LogFields } from '@wherry/logging';
import { DomainError } from '@wherry/problem';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { System } from '../system';
import { answerProblem } from './problem.filter';
import { beginContext, contextOf } from './request-context';

/**
 * The policy for the console's own pages: nothing from elsewhere, no inline scripts, no frames. Styles may be inline,
 * because the component library sets them on elements. The one form that is posted elsewhere registers the App on GitHub,
 * which sends the browser back here (browsers check a form's redirects too).
 */
const contentSecurityPolicy = (githubUrl: string) => [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  `form-action 'self' ${new URL(githubUrl).origin}`,
  "frame-ancestors 'none'",
];

/** First of all: every request gets an id and a log line when it is over. */
export function openRequest(log: Log, system: System): RequestHandler {
  return (request, response, next) => {
    const startedAt = system.now().getTime();
    const requestId = randomUUID();
    beginContext(request, { requestId, op: 'request.refuse' });
    response.setHeader('x-request-id', requestId);
    response.once('close', () => log.write(logLine(request, response, system.now().getTime() - startedAt)));
    next();
  };
}

function logLine(request: Request, response: Response, durationMs: number): LogFields {
  const { requestId, op, access, failure } = contextOf(request);
  return {
    op,
    ok: failure === undefined,
    requestId,
    ...(access ? { tenantId: access.tenant.id } : {}),
    status: response.statusCode,
    durationMs,
    ...(failure ? { errorCode: failure.code, message: failure.message } : {}),
  };
}

export function secureHeaders(githubUrl: string): RequestHandler {
  const policy = contentSecurityPolicy(githubUrl).join('; ');
  return (_request, response, next) => {
    response.setHeader('content-security-policy', policy);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('x-frame-options', 'DENY');
    response.setHeader('referrer-policy', 'no-referrer');
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-resource-policy', 'same-origin');
    next();
  };
}

/**
 * Answers only under the console's own address, so that no other name can be pointed at it (DNS rebinding), and
 * functions, which live under other names, never share its cookies.
 */
export function ownHostOnly(consoleUrl: string): RequestHandler {
  const own = new URL(consoleUrl).host;
  return (request, response, next) => {
    if (request.headers.host?.toLowerCase() === own) return next();
    answerProblem(new DomainError('request.bad_host', `The console is at ${consoleUrl}.`), request, response);
  };
}

/** No name and no text has a NUL, which PostgreSQL cannot even compare with: it would fail deep inside, as our fault. */
export function refuseNul(request: Request, response: Response, next: NextFunction): void {
  if (!request.originalUrl.includes('%00')) return next();
  answerProblem(new DomainError('request.invalid', 'The URL holds a NUL character (%00).'), request, response);
}

/** Replies of the API are for their caller only. */
export function neverCached(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('cache-control', 'no-store');
  next();
}
