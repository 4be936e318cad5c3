import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleMemberStore, type MemberRole, type MemberRow, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { InputOf, OutputOf } from '../http/operation';

type Member = OutputOf<'setMemberRole'>;

/** Who belongs to a tenant, with which role. */
@Injectable()
export class ManageMembers {
  constructor(@Inject(ConsoleMemberStore) private readonly store: ConsoleMemberStore) {}

  async list(tenant: TenantRow): Promise<OutputOf<'listMembers'>> {
    return { members: (await this.store.list(tenant.id)).map(view) };
  }

  /** @throws DomainError `member.not_found`, `member.from_github`, `member.last_owner` */
  async setRole(
    tenant: TenantRow,
    actor: Actor,
    { params, body }: InputOf<'setMemberRole'>,
  ): Promise<OutputOf<'setMemberRole'>> {
    await this.change(tenant, actor, params.user, body.role);
    const member = (await this.store.list(tenant.id)).find(({ userId }) => userId === params.user);
    if (member === undefined) throw memberNotFound();
    return view(member);
  }

  /** @throws as above */
  async remove(tenant: TenantRow, actor: Actor, userId: string): Promise<void> {
    await this.change(tenant, actor, userId, null);
  }

  private async change(tenant: TenantRow, actor: Actor, userId: string, role: MemberRole | null): Promise<void> {
    const refusal = await this.store.setRole(tenant.id, actor, userId, role);
    if (refusal === 'missing') throw memberNotFound();
    if (refusal === 'from_github') {
      throw new DomainError(
        'member.from_github',
        'This role comes from GitHub. Change it in the organisation there, or change what its teams give.',
      );
    }
    if (refusal === 'last_owner') {
      throw new DomainError('member.last_owner', 'This is the last owner. Make somebody else an owner first.');
    }
  }
}

function memberNotFound(): DomainError {
  return new DomainError('member.not_found', 'There is no such member.');
}

function view({ userId, name, githubLogin, role, source, since, refreshedAt }: MemberRow): Member {
  const at = { since: since.toISOString(), refreshedAt: refreshedAt?.toISOString() ?? null };
  return { userId, name, githubLogin, role, source, ...at };
}
