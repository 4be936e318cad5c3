import {
  applyDecorators,
  createParamDecorator,
  Delete,
  Get,
  HttpCode,
  Post,
  Put,
  SetMetadata,
  type ExecutionContext,
} from '@nestjs/common';
import {
  operations,
  type Operation as OperationShape,
  type OperationId,
  type OperationInput,
  type OperationOutput,
  type Operations,
} from '@wherry/contract/api';
import type { Request } from 'express';
import { actorOf, contextOf, sessionOf } from './request-context';

export const OPERATION = 'wherry:operation';
const methods = { GET: Get, POST: Post, PUT: Put, DELETE: Delete };

/** What a handler of the operation is given as `@Input()`, parsed and checked. */
export type InputOf<Id extends OperationId> = OperationInput<Operations[Id]>;
/** What it must answer. */
export type OutputOf<Id extends OperationId> = OperationOutput<Operations[Id]>;

/**
 * Makes a method the handler of an operation of the contract: its HTTP method, path and status, who may call it, how
 * its input is checked and its reply validated all follow from the operation's id.
 */
export function Operation(id: OperationId): MethodDecorator {
  const operation: OperationShape = operations[id];
  const status = operation.response.kind === 'json' ? operation.response.status : 204;
  return applyDecorators(
    methods[operation.method](operation.path.replace(/\{(\w+)\}/g, ':$1')),
    ...(['events', 'file'].includes(operation.response.kind) ? [] : [HttpCode(status)]),
    SetMetadata(OPERATION, id),
  );
}

function requestOf(context: ExecutionContext): Request {
  return context.switchToHttp().getRequest<Request>();
}

/** `{params, query, body}` of the operation. */
export const Input = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  return contextOf(requestOf(context)).input;
});

/** The tenant in the path with the caller's role: TenantAccess. */
export const Access = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  return contextOf(requestOf(context)).access;
});

/** The signed-in user as the audit log names them, where no tenant is in the path: Actor. */
export const SignedInActor = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const { caller, requestId } = contextOf(requestOf(context));
  return actorOf(sessionOf(caller), requestId);
});

/** The signed-in user: a Caller of kind `session`. */
export const Session = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  return sessionOf(contextOf(requestOf(context)).caller);
});
