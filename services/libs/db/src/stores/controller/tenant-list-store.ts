import type { Database } from '../../database';

/** Which tenants there are. */
export class TenantListStore {
  constructor(private readonly db: Database) {}

  /** The ids of all tenants that are not deleted; suspended ones too. */
  async present(): Promise<ReadonlySet<string>> {
    return this.db.cross('reconcile', async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`select id from tenants where deleted_at is null`;
      return new Set(rows.map(({ id }) => id));
    });
  }
}
