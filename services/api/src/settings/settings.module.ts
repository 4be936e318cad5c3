import { Module } from '@nestjs/common';
import { PreviewsModule } from '../previews/previews.module';
import { ChangeSecrets } from './change-secrets';
import { ChangeVariables } from './change-variables';
import { ManageTokens } from './manage-tokens';
import { SettingsController } from './settings.controller';

@Module({
  imports: [PreviewsModule],
  controllers: [SettingsController],
  providers: [ChangeSecrets, ChangeVariables, ManageTokens],
})
export class SettingsModule {}
