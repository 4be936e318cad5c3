import { Module } from '@nestjs/common';
import { ManageGithubRoles } from './manage-github-roles';
import { ManageMembers } from './manage-members';
import { MembersController } from './members.controller';

@Module({ controllers: [MembersController], providers: [ManageMembers, ManageGithubRoles] })
export class MembersModule {}
