import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from '@playwright/test';
import type { Platform } from '@wherry/harness';
import pg from 'pg';
import type { LoadClient } from './load-client';

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

/**
 * Joined by call id: each response that the client saw whole has exactly one receipt, with its status; what goes beyond
 * that are calls that the client saw cut, and replies of the platform itself have none.
 */
export async function receiptsAgree(platform: Platform, load: LoadClient): Promise<void> {
  const byFunction = load.completed.filter(({ status }) => status === 200).map(({ callId }) => callId);
  const read = async () => {
    const counts = new Map<string, number>();
    for (const { callId } of await readReceipts(platform, 'load-')) counts.set(callId, (counts.get(callId) ?? 0) + 1);
    return counts;
  };
  await expect
    .poll(
      async () => {
        const counts = await read();
        return byFunction.filter((callId) => counts.get(callId) !== 1).length;
      },
      { timeout: 30_000, message: 'completed calls without exactly one receipt' },
    )
    .toBe(0);
  const counts = await read();
  const completed = new Set(load.completed.map(({ callId }) => callId));
  const beyond = [...counts.keys()].filter((callId) => !completed.has(callId));
  expect(beyond.filter((callId) => !load.cut.has(callId))).toEqual([]);
  console.log(
    `${byFunction.length} completed calls have one receipt each; ${beyond.length} receipts are of calls that were cut.`,
  );
}
