import { Module } from '@nestjs/common';
import { FindEnvironment } from './find-environment';
import { ManagePreviews } from './manage-previews';
import { PreviewsController } from './previews.controller';

@Module({
  controllers: [PreviewsController],
  providers: [FindEnvironment, ManagePreviews],
  exports: [FindEnvironment],
})
export class PreviewsModule {}
