import { Inject, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { operations, type Operation, type OperationId } from '@wherry/contract/api';
import { DomainError } from '@wherry/problem';
import type { Request } from 'express';
import type { ApiSettings } from '../config';
import { SETTINGS } from '../system';
import { Authenticate } from './authenticate';
import { readCookie, sessionCookie } from './cookies';
import { OPERATION } from './operation';
import { contextOf } from './request-context';

/** Lets nobody reach a handler who may not. A handler without an operation is reached by nobody. */
export class OperationGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Authenticate) private readonly authenticate: Authenticate,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const id = this.reflector.get<OperationId | undefined>(OPERATION, context.getHandler());
    if (id === undefined) throw new Error('A handler without an operation was reached.');
    const operation: Operation = operations[id];
    const request = context.switchToHttp().getRequest<Request>();
    const requestContext = contextOf(request);
    requestContext.operation = id;
    requestContext.op = `api.${id}`;
    if (operation.method !== 'GET') refuseForeignPages(request, this.settings);
    if (operation.auth === 'public') return true;
    const { tenant } = request.params;
    const { caller, access } = await this.authenticate.execute(operation, typeof tenant === 'string' ? tenant : null, {
      cookie: request.headers.cookie,
      authorization: request.headers.authorization,
      requestId: requestContext.requestId,
    });
    requestContext.caller = caller;
    if (access) requestContext.access = access;
    return true;
  }
}

/**
 * Browsers send cookies along with what other pages ask for, and say which page asked. Requests with a bearer token are
 * not theirs: no page of another origin can set it. A request without a cookie and without a word of where it comes
 * from is a program's, and has nothing to abuse.
 *
 * With `SameSite=Lax` this is all that is needed against forged requests: Lax keeps the cookie out of what other sites
 * post, and this check also refuses pages of other origins of the same site, which Lax lets through. Lax sends it with
 * links that are followed; those are GETs, which change nothing here. No token in the page can be leaked or forgotten.
 */
function refuseForeignPages(request: Request, settings: ApiSettings): void {
  const { origin, authorization, cookie } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (/^Bearer /i.test(authorization ?? '')) return;
  const isOwn =
    origin !== undefined
      ? origin === new URL(settings.consoleUrl).origin
      : site !== undefined
        ? site === 'same-origin'
        : readCookie(cookie, sessionCookie(settings)) === null;
  if (isOwn) return;
  throw new DomainError('request.forbidden', 'This request does not come from a page of the console.');
}
