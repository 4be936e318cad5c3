import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller';
import { ReadAudit } from './read-audit';

@Module({ controllers: [AuditController], providers: [ReadAudit] })
export class AuditModule {}
