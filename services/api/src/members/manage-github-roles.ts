import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleMemberStore, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import type { InputOf, OutputOf } from '../http/operation';

/** What members and teams of the organisation on GitHub may do here. The worker brings memberships up to it. */
@Injectable()
export class ManageGithubRoles {
  constructor(@Inject(ConsoleMemberStore) private readonly store: ConsoleMemberStore) {}

  async get(tenant: TenantRow): Promise<OutputOf<'getGithubRoles'>> {
    const { teams, ...rest } = await this.store.githubRoles(tenant.id);
    return { ...rest, teams: [...teams] };
  }

  async setMemberRole(
    tenant: TenantRow,
    actor: Actor,
    { role }: InputOf<'setGithubMemberRole'>['body'],
  ): Promise<OutputOf<'setGithubMemberRole'>> {
    await this.store.setGithubMemberRole(tenant.id, actor, role);
    return this.get(tenant);
  }

  /** @throws DomainError `team.not_found` */
  async setTeamRole(
    tenant: TenantRow,
    actor: Actor,
    { params, body }: InputOf<'setGithubTeamRole'>,
  ): Promise<OutputOf<'setGithubTeamRole'>> {
    if (!(await this.store.setTeamRole(tenant.id, actor, params.team, body.role))) {
      throw new DomainError('team.not_found', 'No such team of the organisation is known here yet.');
    }
    return this.get(tenant);
  }
}
