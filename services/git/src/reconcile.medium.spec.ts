import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { git, TestRemote, WorkingCopy, type Served, type Tenant } from './adapters/test-remote';

let remote: TestRemote & Served;
let tenant: Tenant;
let copy: WorkingCopy;
let address: string;
let bare: string;
let count = 0;

beforeAll(async () => {
  remote = await TestRemote.start({ follow: { limitMs: 0, quietMs: 1_000, planMs: 1_000 } });
});
afterAll(() => remote.close());
beforeEach(async () => {
  tenant = await remote.tenant(`t${++count}`);
  const token = await remote.token(tenant, ['git:push']);
  address = `${remote.url.replace('//', `//git:${token}@`)}/git/${tenant.slug}/shop.git`;
  copy = await WorkingCopy.create(remote.folder);
  await copy.git('push', address, 'main');
  const [row] = await remote.rows<{ id: string }>('select id from repositories where tenant_id = $1', [tenant.id]);
  bare = join(remote.repositoriesDir, tenant.id, `${row?.id}.git`);
});

describe('the comparison of refs with the ledger', () => {
  it('tells the planner of a ref that moved unseen, and settles each intent by what is there', async () => {
    const next = await copy.commit('handler.js', 'module.exports = 2\n');
    await git(bare, ['fetch', '--quiet', copy.directory, `+main:refs/heads/main`, 'main:refs/tags/v1']);
    const intend = (id: string, ref: string, sha: string) =>
      remote.owner.query(
        `insert into pushes (tenant_id, id, repository_id, ref, old_sha, new_sha, status)
         select tenant_id, $2, id, $3, $4, $4, 'intended' from repositories where tenant_id = $1`,
        [tenant.id, id, ref, sha],
      );
    await intend('psh_moved', 'refs/heads/main', next);
    await intend('psh_lost', 'refs/heads/other', next);
    await remote.service.reconcile();
    expect(await remote.ledger(tenant)).toEqual({ 'refs/heads/main': next, 'refs/tags/v1': next });
    expect(await remote.plans(tenant)).toEqual(['refs/heads/main', 'refs/heads/main']);
    const pushes = await remote.rows(
      "select id, status from pushes where tenant_id = $1 and id in ('psh_moved', 'psh_lost') order by id",
      [tenant.id],
    );
    expect(pushes).toEqual([
      { id: 'psh_lost', status: 'void' },
      { id: 'psh_moved', status: 'landed' },
    ]);
  });

  it('forgets refs that are gone, and plans nothing when nothing moved', async () => {
    await copy.git('tag', 'v1');
    await copy.git('push', address, 'v1');
    await git(bare, ['update-ref', '-d', 'refs/tags/v1']);
    await remote.service.reconcile();
    await remote.service.reconcile();
    expect(Object.keys(await remote.ledger(tenant))).toEqual(['refs/heads/main']);
    expect(await remote.plans(tenant)).toHaveLength(1);
  });

  it('lets a clone check out the branch that was made production in the console', async () => {
    await copy.git('push', address, 'main:next');
    await remote.owner.query("update repositories set production_branch = 'next' where tenant_id = $1", [tenant.id]);
    await remote.service.reconcile();
    expect((await git(bare, ['symbolic-ref', 'HEAD'])).out).toBe('refs/heads/next');
  });

  it('removes the repositories of a deleted tenant once none of its rows is left, and no others', async () => {
    await remote.owner.query('update tenants set deleted_at = now() where id = $1', [tenant.id]);
    await remote.service.reconcile();
    expect(existsSync(bare)).toBe(true);
    const other = await remote.tenant(`t${++count}`);
    const token = await remote.token(other, ['git:push']);
    const theirs = `${remote.url.replace('//', `//git:${token}@`)}/git/${other.slug}/shop.git`;
    await copy.git('push', theirs, 'main');
    await remote.owner.query('delete from deployments where tenant_id = $1', [tenant.id]);
    await remote.owner.query('select purge_tenant($1)', [tenant.id]);
    await remote.service.reconcile();
    expect(existsSync(join(remote.repositoriesDir, tenant.id))).toBe(false);
    expect(existsSync(join(remote.repositoriesDir, other.id))).toBe(true);
  });

  it('concludes nothing from a folder that is missing, and goes on with the other repositories', async () => {
    await rename(bare, `${bare}.away`);
    const before = await remote.ledger(tenant);
    const other = await remote.tenant(`o${count}`);
    const token = await remote.token(other, ['git:push']);
    await copy.git('push', `${remote.url.replace('//', `//git:${token}@`)}/git/${other.slug}/shop.git`, 'main');
    await remote.owner.query('delete from repository_refs where tenant_id = $1', [other.id]);
    await remote.service.reconcile();
    expect(await remote.ledger(tenant)).toEqual(before);
    expect(await remote.ledger(other)).toEqual({ 'refs/heads/main': await copy.head() });
    expect(remote.log).toContainEqual(expect.objectContaining({ op: 'refs.compare', ok: false, tenantId: tenant.id }));
    await rename(`${bare}.away`, bare);
  });
});
