import { createTestDatabase, openOwnerPool, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../../database';
import { processRoles } from '../../server/prepare';
import { SealingKeyStore } from './sealing-key-store';

const holders = ['controller', 'worker', 'api'] as const;
let server: TestDatabase;
let owner: pg.Pool;
const databases = {} as Record<(typeof holders)[number], Database>;

beforeAll(async () => {
  server = await createTestDatabase();
  owner = openOwnerPool(server);
  for (const name of holders) {
    databases[name] = await Database.open({ url: server.url(processRoles[name]), applicationName: name, poolSize: 1 });
  }
});
afterAll(async () => {
  for (const database of Object.values(databases)) await database.close();
  await owner.end();
  await server.close();
});

const key = (keyId: string) => ({ keyId, publicKey: new Uint8Array(32) });
const inUse = async () => {
  const sql = 'select holder, key_id from sealing_keys where retired_at is null order by holder, key_id';
  return (await owner.query<{ holder: string; key_id: string }>(sql)).rows.map((row) => [row.holder, row.key_id]);
};

it('makes one key of each holder the one to seal to, and takes back one that was retired', async () => {
  for (const name of holders) await new SealingKeyStore(databases[name]).register(name, key(`key_${name}_1`));
  await new SealingKeyStore(databases.worker).register('worker', key('key_worker_2'));
  expect(await inUse()).toEqual([
    ...[
      ['api', 'key_api_1'],
      ['controller', 'key_controller_1'],
      ['worker', 'key_worker_2'],
    ],
  ]);
  for (let times = 0; times < 2; times++) {
    await new SealingKeyStore(databases.worker).register('worker', key('key_worker_1'));
  }
  expect(await inUse()).toContainEqual(['worker', 'key_worker_1']);
  expect(await inUse()).toHaveLength(3);
});

it.each(holders)('lets nobody but the %s change what is sealed to it', async (holder) => {
  const before = await inUse();
  for (const other of holders.filter((name) => name !== holder)) {
    const store = new SealingKeyStore(databases[other]);
    await expect(store.register(holder, key(`key_of_${other}`))).rejects.toThrow(/registers no key of the|42501/);
    const retire = databases[other].plain(
      (tx) => tx.$executeRaw`update sealing_keys set retired_at = now() where holder = ${holder}`,
    );
    await expect(retire).rejects.toThrow(/registers no key of the|42501/);
  }
  expect(await inUse()).toEqual(before);
});
