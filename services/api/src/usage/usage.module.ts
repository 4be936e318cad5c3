import { Module } from '@nestjs/common';
import { FunctionsModule } from '../functions/functions.module';
import { ReportUsage } from './report-usage';
import { UsageController } from './usage.controller';

@Module({ imports: [FunctionsModule], controllers: [UsageController], providers: [ReportUsage] })
export class UsageModule {}
