import { Module } from '@nestjs/common';
import { PreviewsModule } from '../previews/previews.module';
import { FindFunctions } from './find-functions';
import { FunctionsController } from './functions.controller';
import { InvokeFunction } from './invoke-function';

@Module({
  imports: [PreviewsModule],
  controllers: [FunctionsController],
  providers: [FindFunctions, InvokeFunction],
  exports: [FindFunctions],
})
export class FunctionsModule {}
