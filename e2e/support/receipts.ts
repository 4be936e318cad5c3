import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { Platform } from '@wherry/harness';

export type StoredReceipt = Readonly<{ callId: string; status: number; outcome: string; billed: boolean }>;

/**
 * The receipts of a tenant, read with the api's own role. The only place where a test looks into the database: there is
 * no other way to see a single receipt.
 */
export async function readReceipts(platform: Platform, prefix: string): Promise<StoredReceipt[]> {
  const url = readFileSync(path.join(platform.home, 'secrets', 'db-api.url'), 'utf8').trim();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin read only');
    await client.query(`select set_config('app.scope', 'operator', true)`);
    const tenant = await client.query<{ id: string }>('select id from tenants where slug = $1', [
      platform.local.tenant,
    ]);
    await client.query(`select set_config('app.tenant_id', $1, true)`, [tenant.rows[0]?.id]);
    const { rows } = await client.query<StoredReceipt>(
      `select call_id as "callId", status, outcome, billed from receipts where call_id like $1 || '%'`,
      [prefix],
    );
    return rows;
  } finally {
    await client.end();
  }
}
