import { Database, ImageStore } from '@wherry/db';
import { RegistryClient } from '@wherry/registry';
import { createTestDatabase, type SeededTenant, seedTenant, type TestDatabase } from '@wherry/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageRegistry, missingRegistry, type PushedImage } from '../testing/adapters/image-registry';
import { ImageRetention } from './image-retention';

if (missingRegistry !== null && process.env.WHERRY_REQUIRE_ALL === '1') throw new Error(missingRegistry);

let registry: ImageRegistry;
let database: TestDatabase;
let owner: pg.Client;
let db: Database;

beforeAll(async () => {
  if (missingRegistry !== null) return;
  registry = await ImageRegistry.start();
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url('owner') });
  await owner.connect();
  db = await Database.open({ url: database.url('wherry_controller'), applicationName: 'controller', poolSize: 2 });
});
afterAll(async () => {
  await db?.close();
  await owner?.end();
  await database?.close();
  await registry?.stop();
});

async function retain(): Promise<{ deleted: number; building: number; unknown: number }> {
  const client = new RegistryClient({ registryUrl: registry.url, authentication: { kind: 'none' } });
  const parts = { registry: client, images: new ImageStore(db), log: { write: () => undefined } };
  return await new ImageRetention(parts).run(new AbortController().signal);
}

/** A tenant with one deployment that is live, and one image of it that its revision names. */
async function tenantWithImage(name: string): Promise<{ tenant: SeededTenant; repository: string; live: PushedImage }> {
  const tenant = await seedTenant(database.url('owner'), name, { deploymentStatus: 'live' });
  const repository = `${name}/trusted/${tenant.functionName}`;
  const live = await registry.push(repository, tenant.deploymentId, `${name} live`);
  await owner.query('update revisions set artifact_digest = $2 where tenant_id = $1', [tenant.tenantId, live.image]);
  await ended(tenant, tenant.deploymentId, 'live', '2 days');
  return { tenant, repository, live };
}

/** Another deployment of a tenant, or the same one in another state. */
async function ended(tenant: SeededTenant, id: string, status: string, ago: string | null): Promise<void> {
  await owner.query(
    `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
       commit_message, author, status, finished_at)
     select tenant_id, $2, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha, commit_message, author,
       $3, now() - $4::interval from deployments where tenant_id = $1 limit 1
     on conflict (tenant_id, id) do update set status = excluded.status, finished_at = excluded.finished_at`,
    [tenant.tenantId, id, status, ago],
  );
}

async function are(repository: string, { index, image, provenance }: PushedImage): Promise<boolean[]> {
  return await Promise.all([index, image, provenance].map((digest) => registry.has(repository, digest)));
}
const [there, gone] = [
  [true, true, true],
  [false, false, false],
];

describe.skipIf(missingRegistry !== null)(missingRegistry ?? 'with the real registry and database', () => {
  it('keeps what revisions name and what is young, deletes the rest with its provenance, once', async () => {
    const { tenant, repository, live } = await tenantWithImage('first');
    await ended(tenant, 'dep_firstold', 'failed', '25 hours');
    await ended(tenant, 'dep_firstnew', 'failed', '23 hours');
    const old = await registry.push(repository, 'dep_firstold', 'first old');
    const young = await registry.push(repository, 'dep_firstnew', 'first young');
    const forgotten = await registry.push(repository, 'dep_firstgone', 'of a deployment that was tidied away');
    // The same image again, in an index of its own: it lives as long as the revision.
    const again = await registry.push(repository, 'dep_firstagain', 'first live');
    expect(await retain()).toMatchObject({ deleted: 6, unknown: 0 });
    expect(await are(repository, live)).toEqual(there);
    expect(await are(repository, young)).toEqual(there);
    expect(await are(repository, again)).toEqual(there);
    expect(await are(repository, old)).toEqual(gone);
    expect(await are(repository, forgotten)).toEqual(gone);
    expect(await retain()).toMatchObject({ deleted: 0 });

    await owner.query('update deployments set finished_at = $2 where tenant_id = $1', [tenant.tenantId, new Date(0)]);
    await retain();
    expect(await are(repository, young)).toEqual(gone);
    expect(await are(repository, live)).toEqual(there);
  });

  it('deletes nothing of a tenant that builds, and deletes it afterwards', async () => {
    const { tenant, repository, live } = await tenantWithImage('second');
    const old = await registry.push(repository, 'dep_secondold', 'second old');
    await ended(tenant, 'dep_secondbuild', 'building', null);
    expect(await retain()).toMatchObject({ building: 1 });
    expect(await are(repository, old)).toEqual(there);
    await ended(tenant, 'dep_secondbuild', 'failed', '0 hours');
    await retain();
    expect(await are(repository, old)).toEqual(gone);
    expect(await are(repository, live)).toEqual(there);
  });

  it('keeps another tenant’s images apart: the same digest needed by one does not keep the other’s', async () => {
    const [one, other] = [await tenantWithImage('third'), await tenantWithImage('fourth')];
    const copied = await registry.push(other.repository, 'dep_fourthcopy', 'third live');
    expect(copied.image).toBe(one.live.image);
    await retain();
    expect(await are(other.repository, copied)).toEqual(gone);
    expect(await are(one.repository, one.live)).toEqual(there);
  });

  it('deletes all of a tenant a day after it was deleted, and nothing before', async () => {
    const { tenant, repository, live } = await tenantWithImage('fifth');
    const cache = await registry.push('fifth/trusted/cache/hello', 'latest', 'fifth cache');
    const deleted = (ago: string) =>
      owner.query('update tenants set deleted_at = now() - $2::interval where id = $1', [tenant.tenantId, ago]);
    await deleted('23 hours');
    await retain();
    expect(await are(repository, live)).toEqual(there);
    await deleted('25 hours');
    await retain();
    expect([await are(repository, live), await are('fifth/trusted/cache/hello', cache)]).toEqual([gone, gone]);
  });

  it('leaves the images of a tenant that this database does not know', async () => {
    const strange = await registry.push('stranger/trusted/hello', 'dep_1', 'stranger');
    expect(await retain()).toMatchObject({ unknown: 1 });
    expect(await are('stranger/trusted/hello', strange)).toEqual(there);
  });
});
