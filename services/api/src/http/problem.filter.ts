import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { describeError } from '@wherry/logging';
import { DomainError, toProblem } from '@wherry/problem';
import type { Request, Response } from 'express';
import { contextOf } from './request-context';

/** Answers every failure as RFC 9457 says, and leaves its cause for the request's log line. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerProblem(thrown, http.getRequest<Request>(), http.getResponse<Response>());
  }
}

/** The same for what fails outside of Nest. */
export function answerProblem(thrown: unknown, request: Request, response: Response): void {
  const error = fromFramework(thrown);
  const context = contextOf(request);
  const code = error instanceof DomainError ? error.code : 'internal';
  context.failure = { code, message: describeError(error) };
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const problem = toProblem(error, context.requestId);
  // What was not read of the request's body would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer realm="wherry"');
  response.status(problem.status).setHeader('content-type', 'application/problem+json');
  response.end(JSON.stringify(problem));
}

/** Express and Nest have errors of their own for unknown routes and paths that do not decode. */
function fromFramework(thrown: unknown): unknown {
  if (thrown instanceof HttpException) {
    const status = thrown.getStatus();
    if (status === 404) return new DomainError('request.not_found', 'There is nothing here.', { cause: thrown });
    if (status < 500) return new DomainError('request.invalid', 'The request cannot be read.', { cause: thrown });
  }
  if (thrown instanceof URIError)
    return new DomainError('request.invalid', 'The path cannot be read.', { cause: thrown });
  return thrown;
}
