import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream';
import type { ServiceAddress } from '@wherry/config';
import type { RequestHandler, Response } from 'express';
import { withoutCookie } from '../http/cookies';
import { contextOf } from '../http/request-context';

/** Hop-by-hop headers (RFC 9110, section 7.6.1); the rest goes through unread. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Hands `/git/…` to the git service, both ways as it streams, without looking inside. git checks the token; the console's
 * cookie is not for it. The request's id goes along, for git's own log line. Each request has a connection of its own: a
 * kept one may have been closed by a git service that was just replaced, and a push cannot be sent twice.
 * @param cookie the name of the console's own.
 */
export function gitProxy(address: ServiceAddress, cookie: string): RequestHandler {
  return (request, response) => {
    const context = contextOf(request);
    context.op = 'git.proxy';
    const upstream = httpRequest({
      ...{ ...address, agent: false, method: request.method, path: request.originalUrl },
      headers: { ...forwarded(request.headers, cookie), 'x-request-id': context.requestId },
    });
    const fail = (error: Error): void => {
      context.failure ??= { code: 'platform.unavailable', message: error.message };
      unavailable(response);
    };
    upstream.once('error', fail);
    upstream.once('response', (reply) => {
      response.writeHead(reply.statusCode ?? 502, forwarded(reply.headers, cookie));
      // Progress comes in small pieces and must not wait for more.
      response.flushHeaders();
      pipeline(reply, response, (error) => {
        if (error) response.destroy();
      });
    });
    response.once('close', () => upstream.destroy());
    // A service that answers before it has read everything (a refusal) is no failure; its answer is on the way.
    request.on('error', () => upstream.destroy());
    request.pipe(upstream);
  };
}

function forwarded(headers: IncomingHttpHeaders, sessionCookie: string): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHop.has(name)) kept[name] = value;
  }
  const cookie = withoutCookie(headers.cookie, sessionCookie);
  if (cookie === undefined) delete kept['cookie'];
  else kept['cookie'] = cookie;
  return kept;
}

function unavailable(response: Response): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1', connection: 'close' });
  response.end('The git service is not available right now. Nothing was lost: push again in a moment.\n');
}
