import { writeAudit, type Actor } from '../../audit';
import type { Database, Tx } from '../../database';

export type SecretRow = Readonly<{ name: string; version: number; createdAt: Date; updatedAt: Date }>;
/** A secret by its name in an environment that is known to be the tenant's. */
export type SecretPlace = Readonly<{ environment: Readonly<{ id: string; name: string }>; name: string }>;
/** Where a value belongs, for sealing, and the key to seal it to. */
export type SecretSlot = Readonly<{ environmentId: string; version: number; publicKey: Uint8Array }>;

/** The secrets of each environment. This role can write sealed values and cannot read them. */
export class ConsoleSecretStore {
  constructor(private readonly db: Database) {}

  async list(tenantId: string, environmentId: string): Promise<readonly SecretRow[]> {
    return this.db.tenant(
      tenantId,
      (tx) => tx.$queryRaw<SecretRow[]>`
        select name, version, created_at as "createdAt", updated_at as "updatedAt" from secrets
        where environment_id = ${environmentId} order by name`,
    );
  }

  /**
   * Stores the next version of a secret. Writers of one tenant wait for each other, because the version is sealed in.
   * @param seal seals the value for its place; its result is all that reaches the database.
   * @returns null when there is no key to seal to yet, or the environment was closed just now.
   */
  async put(
    tenantId: string,
    actor: Actor,
    { environment, name }: SecretPlace,
    now: Date,
    seal: (slot: SecretSlot) => Promise<{ keyId: string; sealed: Uint8Array }>,
  ): Promise<SecretRow | null> {
    return this.db.tenant(tenantId, async (tx) => {
      await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended('secrets/' || ${tenantId}::text, 0))`;
      const slot = await nextSlot(tx, environment.id, name);
      if (slot === null) return null;
      const { keyId, sealed } = await seal(slot);
      // Not `excluded.sealed`: naming it asks for the right to read the column, which this role does not have.
      await tx.$executeRaw`
        insert into secrets (tenant_id, environment_id, name, version, key_id, sealed, created_at, updated_at)
        values (${tenantId}, ${slot.environmentId}, ${name}, ${slot.version}, ${keyId}, ${sealed}, ${now}, ${now})
        on conflict (tenant_id, environment_id, name) do update
          set version = ${slot.version}, key_id = ${keyId}, sealed = ${sealed}, updated_at = ${now}`;
      await writeAudit(tx, tenantId, actor, {
        action: 'secret.set',
        target: `secret/${name}`,
        details: { version: slot.version, environment: environment.name },
      });
      const [row] = await tx.$queryRaw<SecretRow[]>`
        select name, version, created_at as "createdAt", updated_at as "updatedAt" from secrets
        where environment_id = ${slot.environmentId} and name = ${name}`;
      return row!;
    });
  }

  /** @returns false when there was none. */
  async delete(tenantId: string, actor: Actor, { environment, name }: SecretPlace): Promise<boolean> {
    return this.db.tenant(tenantId, async (tx) => {
      const removed = await tx.$executeRaw`
        delete from secrets where name = ${name} and environment_id = ${environment.id}`;
      const details = { environment: environment.name };
      if (removed > 0)
        await writeAudit(tx, tenantId, actor, { action: 'secret.delete', target: `secret/${name}`, details });
      return removed > 0;
    });
  }
}

async function nextSlot(tx: Tx, environmentId: string, name: string): Promise<SecretSlot | null> {
  const [slot] = await tx.$queryRaw<SecretSlot[]>`
    select e.id as "environmentId", coalesce(s.version, 0) + 1 as version, k.public_key as "publicKey"
    from environments e
    cross join lateral (
      select public_key from sealing_keys where retired_at is null and holder = 'controller' order by created_at desc, key_id limit 1) k
    left join secrets s on s.tenant_id = e.tenant_id and s.environment_id = e.id and s.name = ${name}
    where e.id = ${environmentId} and e.closed_at is null`;
  return slot ?? null;
}
