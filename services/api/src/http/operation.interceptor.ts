import { Inject, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { operations, type Operation, type OperationId } from '@wherry/contract/api';
import { DomainError, type FieldError } from '@wherry/problem';
import type { Log } from '@wherry/logging';
import type { Request } from 'express';
import { map, type Observable } from 'rxjs';
import type { z } from 'zod';
import type { ApiSettings } from '../config';
import { LOG, SETTINGS } from '../system';
import { readJsonBody } from './json-body';
import { OPERATION } from './operation';
import { contextOf } from './request-context';

/** Checks what goes into an operation and what comes out of it against the contract. */
export class OperationInterceptor implements NestInterceptor {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<Request>();
    const id = this.reflector.get<OperationId>(OPERATION, context.getHandler());
    const operation: Operation = operations[id];
    const input = {
      params: check(operation.params, request.params, '/params'),
      query: operation.query ? check(operation.query, { ...request.query }, '/query') : noQuery(request),
      body: operation.body
        ? check(operation.body, await readJsonBody(request, this.settings.limits.bodyBytes), '')
        : {},
    };
    const requestContext = contextOf(request);
    requestContext.input = input;
    const { response } = operation;
    if (response.kind !== 'json') return next.handle();
    return next.handle().pipe(map((reply) => this.checked(response.schema, reply, id, requestContext.requestId)));
  }

  private checked(schema: z.ZodType, reply: unknown, id: OperationId, requestId: string): unknown {
    const result = schema.safeParse(reply);
    if (result.success) return reply;
    const places = result.error.issues.map((issue) => `/${issue.path.join('/')}: ${issue.message}`).join('; ');
    const message = `The reply of ${id} is not as the contract says: ${places}`;
    if (this.settings.onInvalidResponse === 'throw') throw new Error(message);
    this.log.write({ op: 'reply.check', ok: false, requestId, message });
    return reply;
  }
}

function noQuery(request: Request): Record<string, never> {
  if (Object.keys(request.query).length === 0) return {};
  throw new DomainError('request.invalid', 'This operation takes no query parameters.');
}

/** @throws DomainError `request.invalid`; pointers start with `/params`, `/query`, or at the body's root. */
function check(schema: z.ZodType | undefined, value: unknown, root: string): unknown {
  if (schema === undefined) return {};
  const parsed = schema.safeParse(value, { error: numberSentence });
  if (parsed.success) return parsed.data;
  throw new DomainError('request.invalid', 'Something in the request is not as it should be; see "errors".', {
    errors: parsed.error.issues.slice(0, 20).map((issue) => fieldError(issue, root)),
  });
}

/** Limits of numbers in our words, for the forms that show them; undefined leaves zod's. A schema's own words go first. */
function numberSentence(issue: z.core.$ZodRawIssue): string | undefined {
  const isNumber = 'origin' in issue && (issue.origin === 'number' || issue.origin === 'int');
  if (issue.code === 'too_small' && isNumber) return `It has to be at least ${String(issue.minimum)}.`;
  if (issue.code === 'too_big' && isNumber) return `It has to be at most ${String(issue.maximum)}.`;
  if (issue.code === 'invalid_type' && issue.expected === 'int') return 'It has to be a whole number.';
  return issue.code === 'invalid_type' && issue.expected === 'number' ? 'It has to be a number.' : undefined;
}

function fieldError(issue: z.core.$ZodIssue, root: string): FieldError {
  const path = issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return { pointer: `${root}${path}`, detail: issue.message };
}
