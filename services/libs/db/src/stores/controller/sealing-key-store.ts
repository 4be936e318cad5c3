import type { Database } from '../../database';

/** The public halves of the keys that secrets are sealed to. */
export class SealingKeyStore {
  constructor(private readonly db: Database) {}

  /** Makes this key the one that new secrets are sealed to, and retires all others. May run at every start. */
  async register(keyId: string, publicKey: Uint8Array): Promise<void> {
    await this.db.plain(async (tx) => {
      await tx.$executeRaw`
        insert into sealing_keys (key_id, public_key) values (${keyId}, ${Buffer.from(publicKey)})
        on conflict (key_id) do update set retired_at = null where sealing_keys.retired_at is not null`;
      await tx.$executeRaw`
        update sealing_keys set retired_at = now()
        where holder = 'controller' and key_id <> ${keyId} and retired_at is null`;
    });
  }
}
