import { createTestDatabase, type TestDatabase } from '@wherry/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from './database';

let server: TestDatabase;
let owner: Database;
let api: Database;

beforeAll(async () => {
  server = await createTestDatabase();
  owner = await Database.open({ url: server.url('owner'), applicationName: 'test', poolSize: 1 });
  api = await Database.open({ url: server.url('wherry_api'), applicationName: 'test', poolSize: 2 });
  await owner.plain(async (tx) => {
    for (const id of ['ten_a', 'ten_b']) {
      await tx.tenant.create({ data: { id, slug: id.replace('_', '-'), name: id } });
      await tx.environment.create({ data: { tenantId: id, id: `env_${id}`, name: 'production', kind: 'production' } });
    }
  });
});

afterAll(async () => {
  await Promise.all([owner.close(), api.close()]);
  await server.close();
});

describe('Database', () => {
  it('sees one tenant in a tenant transaction, also when the query names none', async () => {
    const found = await api.tenant('ten_a', (tx) => tx.environment.findMany());
    expect(found.map((row) => row.id)).toEqual(['env_ten_a']);
  });

  it('sees no tenant in a plain transaction, and none that an earlier one on the connection left behind', async () => {
    const many = Array.from({ length: 6 }, () => api.tenant('ten_a', (tx) => tx.environment.count()));
    expect(await Promise.all(many)).toEqual([1, 1, 1, 1, 1, 1]);
    const after = Array.from({ length: 6 }, () => api.plain((tx) => tx.environment.count()));
    expect(await Promise.all(after)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('crosses tenants in a scope only where a policy lets this role', async () => {
    expect(await api.cross('authentication', (tx) => tx.tenant.count())).toBe(2);
    expect(await api.cross('reconcile', (tx) => tx.environment.count())).toBe(0);
  });

  it('undoes everything when the work throws', async () => {
    const failed = api.tenant('ten_a', async (tx) => {
      await tx.variable.create({
        data: { tenantId: 'ten_a', environmentId: 'env_ten_a', kind: 'build', name: 'X', value: '1' },
      });
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await api.tenant('ten_a', (tx) => tx.variable.count())).toBe(0);
  });

  it('refuses a tenant transaction without a tenant', () => {
    expect(() => api.tenant('', async () => 1)).toThrow('needs a tenant id');
  });

  it('begins no transaction of tenants that its guard refuses', async () => {
    let isLeader = true;
    const guard = () => {
      if (!isLeader) throw new Error('not the leader');
    };
    const guarded = await Database.open({ url: server.url('wherry_api'), applicationName: 'test', poolSize: 1, guard });
    expect(await guarded.tenant('ten_a', (tx) => tx.environment.count())).toBe(1);
    isLeader = false;
    await expect(guarded.tenant('ten_a', (tx) => tx.environment.count())).rejects.toThrow('not the leader');
    await expect(guarded.cross('authentication', (tx) => tx.tenant.count())).rejects.toThrow('not the leader');
    await guarded.close();
  });

  it('says at opening that a password is wrong', async () => {
    const url = server.url('wherry_api').replace(':wherry_api@', ':wrong@');
    await expect(Database.open({ url, applicationName: 'test' })).rejects.toThrow('password authentication failed');
  });
});
