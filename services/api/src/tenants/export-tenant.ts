import { Inject, Injectable } from '@nestjs/common';
import { ConsoleTenantStore, exportedTables, type ExportedTable, TenantExportStore } from '@wherry/db';
import { tenantNotFound } from './suspend-tenant';

/** Rows of one read. */
const rowsAtOnce = 500;

/** All that is stored of a tenant, suspended or not, for whoever has a right to it. */
@Injectable()
export class ExportTenant {
  constructor(
    @Inject(ConsoleTenantStore) private readonly tenants: ConsoleTenantStore,
    @Inject(TenantExportStore) private readonly store: TenantExportStore,
  ) {}

  /** @returns lines of JSON as they are read. @throws DomainError `tenant.not_found` before the first. */
  async execute(slug: string): Promise<AsyncGenerator<string>> {
    const tenant = await this.tenants.find(slug);
    if (tenant === null) throw tenantNotFound(slug);
    return this.lines(tenant);
  }

  private async *lines(tenant: Readonly<{ id: string }>): AsyncGenerator<string> {
    yield `${JSON.stringify({ table: 'tenants', row: tenant })}\n`;
    for (const table of Object.keys(exportedTables) as ExportedTable[]) {
      let after: string | null = null;
      do {
        const page = await this.store.page(tenant.id, table, after, rowsAtOnce);
        if (page.rows.length > 0) yield page.rows.map((row) => `${JSON.stringify({ table, row })}\n`).join('');
        after = page.after;
      } while (after !== null);
    }
  }
}
