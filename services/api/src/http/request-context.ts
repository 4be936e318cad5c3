import type { Actor, MemberRole, TenantRow } from '@wherry/db';
import type { OperationId } from '@wherry/contract/api';
import type { Request } from 'express';

/** Who calls: a user with the console's cookie, or a program with a tenant's token. */
export type Caller =
  | Readonly<{
      kind: 'session';
      sessionHash: Uint8Array;
      userId: string;
      userName: string;
      auditName: string;
      isOperator: boolean;
      expiresAt: Date;
    }>
  | Readonly<{ kind: 'token'; tokenId: string; tokenName: string; scopes: readonly string[] }>;

/** The tenant in the path, once it is known that the caller may see it. */
export type TenantAccess = Readonly<{ tenant: TenantRow; role: MemberRole; caller: Caller; actor: Actor }>;

/** What is known of a request while it is handled. */
export type RequestContext = {
  requestId: string;
  /** For the log line: `<process part>.<what>`. */
  op: string;
  operation?: OperationId;
  caller?: Caller;
  access?: TenantAccess;
  input?: { params: unknown; query: unknown; body: unknown };
  /** What went wrong, for the log only. */
  failure?: { code: string; message: string };
};

const contexts = new WeakMap<object, RequestContext>();

export function beginContext(request: Request, context: RequestContext): void {
  contexts.set(request, context);
}

/** @throws when the request did not come through the api's front: a bug. */
export function contextOf(request: Request): RequestContext {
  const context = contexts.get(request);
  if (context === undefined) throw new Error('A request without a context reached a handler.');
  return context;
}

/** The user behind a session. @throws when it is a token: the guard lets only sessions come here. */
export function sessionOf(caller: Caller | undefined): Extract<Caller, { kind: 'session' }> {
  if (caller?.kind !== 'session') throw new Error('An operation for sessions was reached without one.');
  return caller;
}

/** The caller as the audit log names them. */
export function actorOf(caller: Caller, requestId: string): Actor {
  return caller.kind === 'session'
    ? { kind: 'user', id: caller.userId, name: caller.auditName, requestId }
    : { kind: 'token', id: caller.tokenId, name: caller.tokenName, requestId };
}

/** The user who is to be named as the author of a change; tokens are nobody. */
export function userIdOf(caller: Caller): string | null {
  return caller.kind === 'session' ? caller.userId : null;
}
