import type { Database } from '../../database';
import { Prisma } from '../../generated/client';

/** A webhook delivery that was not handled yet. */
export type OpenDelivery = Readonly<{
  id: string;
  event: string;
  installationId: number | null;
  /** The raw body; null when it was dropped because of its age. */
  body: Uint8Array | null;
  receivedAtMs: number;
}>;

/**
 * What became of a delivery: a sentence for people, and whose it was when that was found out; else it is of the tenant of
 * its installation.
 */
export type DeliveryOutcome = Readonly<{
  status: 'done' | 'ignored' | 'failed';
  outcome: string;
  tenantId: string | null;
  repositoryId: string | null;
}>;

/** Whose a delivery is that nobody found out more about: its tenant has to see what fails. The signature covers it. */
const ofInstallation = Prisma.sql`(select i.tenant_id from github_installations i where i.id = installation_id)`;

/** Stored webhook deliveries. Whose they are is found out while they are handled, so everything crosses tenants. */
export class GithubDeliveryStore {
  constructor(private readonly db: Database) {}

  /** The delivery with that id while it waits to be handled, else null. */
  async readOpen(id: string): Promise<OpenDelivery | null> {
    return this.db.cross('github', async (tx) => {
      const [row] = await tx.$queryRaw<(Omit<OpenDelivery, 'receivedAtMs'> & { receivedAt: Date })[]>`
        select id, event, installation_id::float8 as "installationId", body, received_at as "receivedAt"
        from github_deliveries where id = ${id} and status = 'received'`;
      if (!row) return null;
      const { receivedAt, ...rest } = row;
      return { ...rest, receivedAtMs: receivedAt.getTime() };
    });
  }

  /** Ends a delivery that waits. False when it had ended before. What is known of whose it is stays known. */
  async settle(id: string, { status, outcome, tenantId, repositoryId }: DeliveryOutcome): Promise<boolean> {
    return this.db.cross('github', async (tx) => {
      const changed = await tx.$executeRaw`
        update github_deliveries set status = ${status}, outcome = ${outcome},
          tenant_id = coalesce(${tenantId}, tenant_id, ${ofInstallation}),
          repository_id = coalesce(${repositoryId}, repository_id), attempts = attempts + 1, handled_at = now()
        where id = ${id} and status = 'received'`;
      return changed > 0;
    });
  }

  /** Notes why a delivery could not be handled yet; it stays open. */
  async postpone(id: string, reason: string): Promise<void> {
    await this.db.cross(
      'github',
      (tx) => tx.$executeRaw`
        update github_deliveries set outcome = ${reason}, attempts = attempts + 1,
          tenant_id = coalesce(tenant_id, ${ofInstallation})
        where id = ${id} and status = 'received'`,
    );
  }

  /**
   * Deliveries that have waited longer than their jobs are tried again, to be tried now: those first that were received, or
   * given out here, longest ago, so that some that always fail do not keep the others waiting.
   */
  async overdue(olderThanSeconds: number, limit: number): Promise<string[]> {
    return this.db.cross('github', async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`
        with taken as materialized (
          select id from github_deliveries
          where status = 'received' and received_at < now() - make_interval(secs => ${olderThanSeconds}::float8)
          order by coalesce(attempted_at, received_at), id limit ${limit} for update skip locked)
        update github_deliveries d set attempted_at = now() from taken where d.id = taken.id returning d.id`;
      return rows.map(({ id }) => id);
    });
  }

  /** Those of `ids` that are stored. */
  async stored(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.db.cross('github', async (tx) => {
      const rows = await tx.$queryRaw<{ id: string }[]>`select id from github_deliveries where id = any(${[...ids]})`;
      return new Set(rows.map(({ id }) => id));
    });
  }

  /** Drops the bodies of handled deliveries after three days, and what is left of any after 30. Returns how many. */
  async tidy(): Promise<number> {
    return this.db.cross('github', async (tx) => {
      const dropped = await tx.$executeRaw`
        update github_deliveries set body = null
        where body is not null and status <> 'received' and received_at < now() - interval '3 days'`;
      const removed = await tx.$executeRaw`
        delete from github_deliveries where received_at < now() - interval '30 days'`;
      return dropped + removed;
    });
  }
}
