import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Controller, Inject, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { ReadAudit } from './read-audit';

const types = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8; header=present' } as const;

@Controller()
export class AuditController {
  constructor(@Inject(ReadAudit) private readonly audit: ReadAudit) {}

  @Operation('listAudit')
  listAudit(
    @Access() { tenant }: TenantAccess,
    @Input() { query }: InputOf<'listAudit'>,
  ): Promise<OutputOf<'listAudit'>> {
    return this.audit.list(tenant, query);
  }

  @Operation('exportAudit')
  async exportAudit(
    @Access() { tenant }: TenantAccess,
    @Input() { query }: InputOf<'exportAudit'>,
    @Res() response: Response,
  ): Promise<void> {
    await send(response, `audit-${tenant.slug}`, query.format, this.audit.export(tenant, query));
  }

  @Operation('listPlatformAudit')
  listPlatformAudit(@Input() { query }: InputOf<'listPlatformAudit'>): Promise<OutputOf<'listPlatformAudit'>> {
    return this.audit.list(null, query);
  }

  @Operation('exportPlatformAudit')
  async exportPlatformAudit(
    @Input() { query }: InputOf<'exportPlatformAudit'>,
    @Res() response: Response,
  ): Promise<void> {
    await send(response, 'audit-of-the-platform', query.format, this.audit.export(null, query));
  }
}

async function send(response: Response, name: string, format: 'ndjson' | 'csv', text: AsyncIterable<string>) {
  response.setHeader('content-type', types[format]);
  response.setHeader('content-disposition', `attachment; filename="${name}.${format}"`);
  // A failure in between cuts the connection, so that no half file looks like a whole one.
  await pipeline(Readable.from(text), response);
}
