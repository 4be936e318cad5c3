import { createTestDatabase, openOwnerPool, seedTenant, type SeededTenant, type TestDatabase } from '@wherry/testing';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Database } from '../../database';
import { BuildStore } from './build-store';

let server: TestDatabase;
let owner: pg.Pool;
let db: Database;
let seeded: SeededTenant;
let number = 0;
let claims = 0;

beforeAll(async () => {
  server = await createTestDatabase();
  owner = openOwnerPool(server);
  db = await Database.open({ url: server.url('wherry_worker'), applicationName: 'test', poolSize: 1 });
});
afterAll(async () => {
  await Promise.all([db.close(), owner.end()]);
  await server.close();
});

beforeEach(async () => {
  number += 1;
  seeded = await seedTenant(server.url('owner'), `t${number}`, { deploymentStatus: 'queued' });
  const { tenantId, environmentId, previewId } = seeded;
  await owner.query('delete from variables; delete from secrets');
  for (const [environment, kind, name, value] of [
    [environmentId, 'runtime', 'SHARED', 'production'],
    [environmentId, 'build', 'ONLY_THERE', 'production'],
    [previewId, 'runtime', 'SHARED', 'preview'],
    [previewId, 'runtime', 'ONLY_HERE', 'preview'],
  ]) {
    await owner.query(
      'insert into variables (tenant_id, environment_id, kind, name, value) values ($1, $2, $3, $4, $5)',
      [...[tenantId, environment, kind, name, value]],
    );
  }
  for (const [environment, name] of [
    [environmentId, 'shared'],
    [environmentId, 'only-there'],
    [previewId, 'shared'],
  ]) {
    await owner.query(
      `insert into secrets (tenant_id, environment_id, name, version, key_id, sealed) values ($1, $2, $3, 1, 'key_seed', '')`,
      [tenantId, environment, name],
    );
  }
});

/** What the seeded deployment's build sees when it is one of the preview. */
async function claim(trust: 'trusted' | 'untrusted', previews: object, environmentId = seeded.previewId) {
  const { tenantId, deploymentId } = seeded;
  await owner.query('update deployments set environment_id = $2, trust = $3 where tenant_id = $1', [
    ...[tenantId, environmentId, trust],
  ]);
  await owner.query('update repositories set settings = $2 where tenant_id = $1', [tenantId, { previews }]);
  claims += 1;
  const token = { id: `tok_${claims}`, hash: Buffer.from(String(claims)) };
  const build = await new BuildStore(db).claim(tenantId, deploymentId, { owner: 'me', seconds: 60 }, token);
  return [build?.buildVariables, build?.runtimeVariables, build?.secretNames];
}
const own = { SHARED: 'preview', ONLY_HERE: 'preview' };

it('gives a preview its own variables and secrets, and nothing of production', async () => {
  expect(await claim('trusted', {})).toEqual([{}, own, ['shared']]);
  expect(await claim('trusted', { productionSecrets: false })).toEqual([{}, own, ['shared']]);
});

it('gives a preview what production has and it has not, when its repository says so', async () => {
  const both = [{ ONLY_THERE: 'production' }, own, ['only-there', 'shared']];
  expect(await claim('trusted', { productionSecrets: true })).toEqual(both);
});

it('gives untrusted code nothing of production whatever its repository says, and asks for no secrets', async () => {
  expect(await claim('untrusted', { productionSecrets: true })).toEqual([{}, own, null]);
});

it('gives production what it has, whatever is said of previews', async () => {
  const production = [{ ONLY_THERE: 'production' }, { SHARED: 'production' }, ['only-there', 'shared']];
  expect(await claim('trusted', { productionSecrets: true }, seeded.environmentId)).toEqual(production);
});
