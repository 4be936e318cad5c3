import { Module } from '@nestjs/common';
import { FindFunctions } from './find-functions';
import { FunctionsController } from './functions.controller';
import { InvokeFunction } from './invoke-function';

@Module({ controllers: [FunctionsController], providers: [FindFunctions, InvokeFunction], exports: [FindFunctions] })
export class FunctionsModule {}
