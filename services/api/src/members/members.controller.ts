import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { ManageGithubRoles } from './manage-github-roles';
import { ManageMembers } from './manage-members';

@Controller()
export class MembersController {
  constructor(
    @Inject(ManageMembers) private readonly members: ManageMembers,
    @Inject(ManageGithubRoles) private readonly github: ManageGithubRoles,
  ) {}

  @Operation('listMembers')
  listMembers(@Access() { tenant }: TenantAccess): Promise<OutputOf<'listMembers'>> {
    return this.members.list(tenant);
  }

  @Operation('setMemberRole')
  setMemberRole(
    @Access() { tenant, actor }: TenantAccess,
    @Input() input: InputOf<'setMemberRole'>,
  ): Promise<OutputOf<'setMemberRole'>> {
    return this.members.setRole(tenant, actor, input);
  }

  @Operation('removeMember')
  removeMember(@Access() { tenant, actor }: TenantAccess, @Input() { params }: InputOf<'removeMember'>): Promise<void> {
    return this.members.remove(tenant, actor, params.user);
  }

  @Operation('getGithubRoles')
  getGithubRoles(@Access() { tenant }: TenantAccess): Promise<OutputOf<'getGithubRoles'>> {
    return this.github.get(tenant);
  }

  @Operation('setGithubMemberRole')
  setGithubMemberRole(
    @Access() { tenant, actor }: TenantAccess,
    @Input() { body }: InputOf<'setGithubMemberRole'>,
  ): Promise<OutputOf<'setGithubMemberRole'>> {
    return this.github.setMemberRole(tenant, actor, body);
  }

  @Operation('setGithubTeamRole')
  setGithubTeamRole(
    @Access() { tenant, actor }: TenantAccess,
    @Input() input: InputOf<'setGithubTeamRole'>,
  ): Promise<OutputOf<'setGithubTeamRole'>> {
    return this.github.setTeamRole(tenant, actor, input);
  }
}
