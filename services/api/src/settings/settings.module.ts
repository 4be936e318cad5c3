import { Module } from '@nestjs/common';
import { ChangeSecrets } from './change-secrets';
import { ChangeVariables } from './change-variables';
import { ManageTokens } from './manage-tokens';
import { SettingsController } from './settings.controller';

@Module({ controllers: [SettingsController], providers: [ChangeSecrets, ChangeVariables, ManageTokens] })
export class SettingsModule {}
