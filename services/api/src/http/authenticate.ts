import { Inject, Injectable } from '@nestjs/common';
import type { Operation } from '@wherry/contract/api';
import { AccessStore, type MemberRole } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { ApiSettings } from '../config';
import { hashOf, SETTINGS, SYSTEM, type System } from '../system';
import { readCookie, sessionCookie } from './cookies';
import { actorOf, type Caller, type TenantAccess } from './request-context';

/** What a request shows of its sender; its id is for what the log says of their changes. */
export type Credentials = Readonly<{
  cookie: string | undefined;
  authorization: string | undefined;
  requestId: string;
}>;
export type Authenticated = Readonly<{ caller: Caller; access?: TenantAccess }>;

const rank: Record<MemberRole, number> = { billing: 0, viewer: 1, developer: 2, owner: 3 };
/** When a use is remembered again. Milliseconds. */
const touchMs = 60_000;

/** Who is behind a request, and whether the operation is theirs to call. Fails closed. */
@Injectable()
export class Authenticate {
  constructor(
    @Inject(AccessStore) private readonly store: AccessStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /**
   * @param slug the tenant in the path, when the operation has one.
   * @throws DomainError `request.unauthenticated`; `request.not_found` when the tenant does not exist or is not the
   * caller's, which look the same; `request.forbidden` when the role or the token's scope is not enough.
   */
  async execute(operation: Operation, slug: string | null, credentials: Credentials): Promise<Authenticated> {
    const bearer = /^Bearer +(\S+)$/i.exec(credentials.authorization ?? '')?.[1];
    const authenticated = bearer
      ? await this.byToken(operation, slug, bearer, credentials.requestId)
      : await this.bySession(slug, readCookie(credentials.cookie, sessionCookie(this.settings)), credentials.requestId);
    authorize(operation, authenticated);
    return authenticated;
  }

  private async bySession(slug: string | null, value: string | null, requestId: string): Promise<Authenticated> {
    if (value === null) throw unauthenticated();
    const sessionHash = hashOf(value);
    const now = this.system.now();
    const idleSince = new Date(now.getTime() - this.settings.limits.sessionIdleMs);
    const found = await this.store.findSession(sessionHash, slug, { now, idleSince });
    if (found === null) throw unauthenticated();
    if (now.getTime() - found.lastSeenAt.getTime() > touchMs) await this.store.touchSession(sessionHash, now);
    const { userId, userName, auditName, isOperator, expiresAt, membership } = found;
    const caller = { kind: 'session', sessionHash, userId, userName, auditName, isOperator, expiresAt } as const;
    return membership ? { caller, access: { ...membership, caller, actor: actorOf(caller, requestId) } } : { caller };
  }

  /** A token acts as a developer of its tenant, and as an owner where an operation takes tokens nevertheless. */
  private async byToken(
    operation: Operation,
    slug: string | null,
    value: string,
    requestId: string,
  ): Promise<Authenticated> {
    const hash = hashOf(value);
    const now = this.system.now();
    const found = await this.store.findToken(hash, now);
    if (found === null) throw unauthenticated();
    const lastUsed = found.lastUsedAt?.getTime() ?? 0;
    if (now.getTime() - lastUsed > touchMs) await this.store.touchToken(hash, now);
    if (!operation.auth.startsWith('tenant:')) throw forbidden('API tokens cannot do this; sign in to the console.');
    const { tokenId, tokenName, scopes } = found;
    const caller = { kind: 'token', tokenId, tokenName, scopes } as const;
    if (found.tenant.slug !== slug) return { caller };
    return { caller, access: { tenant: found.tenant, role: 'owner', caller, actor: actorOf(caller, requestId) } };
  }
}

function authorize(operation: Operation, { caller, access }: Authenticated): void {
  if (operation.auth === 'operator' && !(caller.kind === 'session' && caller.isOperator)) {
    throw forbidden('Only operators of the platform may do this.');
  }
  if (!operation.auth.startsWith('tenant:')) return;
  if (access === undefined) throw new DomainError('request.not_found', 'There is no such tenant.');
  if (caller.kind === 'token') return authorizeToken(operation, caller.scopes);
  const needed = operation.auth.slice('tenant:'.length) as MemberRole;
  if (rank[access.role] < rank[needed]) {
    throw forbidden(`Your role in this tenant is ${access.role}; this needs ${needed}.`);
  }
}

function authorizeToken(operation: Operation, scopes: readonly string[]): void {
  if (operation.tokens === 'refused') throw forbidden('API tokens cannot do this; sign in to the console.');
  const needed = operation.method === 'GET' ? 'read' : 'deploy';
  if (!scopes.includes(needed)) throw forbidden(`This token does not have the scope "${needed}".`);
}

function unauthenticated(): DomainError {
  return new DomainError('request.unauthenticated', 'Sign in with a login link, or send a valid API token.');
}

function forbidden(detail: string): DomainError {
  return new DomainError('request.forbidden', detail);
}
