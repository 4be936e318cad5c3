import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestRemote, WorkingCopy, type Served, type Tenant } from './adapters/test-remote';
import { gitLimits } from './repository/limits';

const mebibyte = 1024 * 1024;

let remote: TestRemote & Served;
let tenant: Tenant;
let token: string;
let copy: WorkingCopy;
let count = 0;

const push = (name: string, ...refs: string[]) =>
  copy.git(
    'push',
    `${remote.url.replace('//', `//git:${token}@`)}/git/${tenant.slug}/${name}.git`,
    ...(refs.length > 0 ? refs : ['main']),
  );

beforeAll(async () => {
  remote = await TestRemote.start({
    follow: { limitMs: 0, quietMs: 1_000, planMs: 1_000 },
    limits: { ...gitLimits, pushBytes: 2 * mebibyte, repositoryBytes: 4 * mebibyte, repositories: 2, refs: 3 },
  });
});
afterAll(() => remote.close());
beforeEach(async () => {
  tenant = await remote.tenant(`t${++count}`);
  token = await remote.token(tenant, ['git:push']);
  copy = await WorkingCopy.create(remote.folder);
});

describe('the limits of a tenant', () => {
  it('refuse a pack that is too large, in words, and let the next push in', async () => {
    await copy.commit('large.bin', randomBytes(3 * mebibyte));
    const result = await push('shop');
    expect(result.code).not.toBe(0);
    expect(result.err).toContain('remote: The push is larger than 2 MiB, the most for one push');
    expect(await remote.ledger(tenant)).toEqual({});
    const pushes = await remote.rows('select status from pushes where tenant_id = $1', [tenant.id]);
    expect(pushes).toEqual([{ status: 'refused' }]);
    await copy.git('reset', '--hard', '--quiet', 'HEAD~1');
    expect(await push('shop')).toMatchObject({ code: 0 });
  });

  it('refuse more than a repository has room for, and anything once it is full', async () => {
    for (const [file, size] of [
      ['one.bin', 1.5],
      ['two.bin', 1],
    ] as const) {
      await copy.commit(file, randomBytes(size * mebibyte));
      expect(await push('shop')).toMatchObject({ code: 0 });
    }
    await copy.commit('three.bin', randomBytes(1.8 * mebibyte));
    expect((await push('shop')).err).toMatch(
      /remote: The push is larger than 1\.\d MiB, what this repository has room for/,
    );
    await copy.git('reset', '--hard', '--quiet', 'HEAD~1');
    await copy.commit('four.bin', randomBytes(mebibyte));
    expect(await push('shop')).toMatchObject({ code: 0 });
    await copy.commit('five.txt', 'x');
    expect((await push('shop')).err).toContain('remote: A repository may hold 4 MiB, and this one has no room left.');
  });

  it('refuse one repository more than it may have, and leave the others open', async () => {
    expect([(await push('a')).code, (await push('b')).code]).toEqual([0, 0]);
    expect((await push('c')).err).toContain('remote: This tenant already has 2 repositories');
    await copy.commit('handler.js', 'module.exports = 2\n');
    expect(await push('a')).toMatchObject({ code: 0 });
  });

  it('refuse one ref more than a repository may have, and let go of others', async () => {
    await push('shop');
    for (const name of ['one', 'two', 'three']) await copy.git('branch', name);
    expect((await push('shop', 'one', 'two', 'three')).err).toContain(
      'remote: A repository may have 3 branches and tags',
    );
    expect(await push('shop', 'one', 'two')).toMatchObject({ code: 0 });
    expect(await push('shop', ':one')).toMatchObject({ code: 0 });
    expect(await push('shop', 'three')).toMatchObject({ code: 0 });
  });
});
