import type { Database } from '../../database';

/** The process that has the private half; only it may register or retire a key under its name. */
export type SealingKeyHolder = 'controller' | 'worker' | 'api';

/** The public halves of the keys that values are sealed to. Each holder uses it at its start, with its own role. */
export class SealingKeyStore {
  constructor(private readonly db: Database) {}

  /** Makes this key the one that is sealed to for the holder, and retires its others. May run at every start. */
  async register(
    holder: SealingKeyHolder,
    { keyId, publicKey }: Readonly<{ keyId: string; publicKey: Uint8Array }>,
  ): Promise<void> {
    await this.db.plain(async (tx) => {
      await tx.$executeRaw`
        insert into sealing_keys (key_id, public_key, holder) values (${keyId}, ${Buffer.from(publicKey)}, ${holder})
        on conflict (key_id) do update set retired_at = null where sealing_keys.retired_at is not null`;
      await tx.$executeRaw`
        update sealing_keys set retired_at = now()
        where holder = ${holder} and key_id <> ${keyId} and retired_at is null`;
    });
  }
}
