import type { Database } from '../../database';

/** An outcome of a check of the platform; `detail` is a sentence for the operator. */
export type ShownCheck = Readonly<{ name: string; isOk: boolean; detail: string; checkedAt: Date }>;

/** What the controller found out about the platform itself. */
export class PlatformStore {
  constructor(private readonly db: Database) {}

  async checks(): Promise<ShownCheck[]> {
    return this.db.plain(
      (tx) => tx.$queryRaw<ShownCheck[]>`
        select name, ok as "isOk", detail, checked_at as "checkedAt" from platform_checks order by name`,
    );
  }
}
