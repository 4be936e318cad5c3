import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startApi, type Harness } from '../testing/harness';

let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  acme = await seedTenant(api.test.url('owner'), 'acme', { deploymentStatus: 'retired', releaseStatus: 'live' });
  headers = await api.signIn(acme.userId);
});
afterAll(() => api.close());
beforeEach(async () => {
  await api.owner('delete from pins');
  await api.owner("delete from releases where kind = 'rollback'");
  await api.owner('delete from pgboss.job');
  await api.owner("update deployments set status = 'retired', cancel_requested_at = null");
  await api.owner('update repository_refs set ref = $1', [acme.ref]);
});

const post = (path: string) => api.send('POST', `/v1/tenants/acme/${path}`, { headers, body: {} });
const rollback = (id = acme.deploymentId) => post(`deployments/${id}/rollback`);
const rollbacks = () =>
  api.owner("select id, status, requested_by, deployment_id from releases where kind = 'rollback'");
const pins = () => api.owner('select deployment_id, root_dir, created_by from pins');
const jobs = () => api.owner<{ name: string; data: object }>('select name, data from pgboss.job');

it('rolls back with one release and one pin, however often it is asked at once', async () => {
  const replies = await Promise.all([rollback(), rollback(), rollback()]);
  expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
  const ids = new Set(replies.map((reply) => (reply.json() as { id: string }).id));
  expect(ids.size).toBe(1);
  expect(await rollbacks()).toEqual([
    { id: [...ids][0], status: 'pending', requested_by: acme.userId, deployment_id: acme.deploymentId },
  ]);
  expect(await pins()).toEqual([{ deployment_id: acme.deploymentId, root_dir: '.', created_by: acme.userId }]);
  const detail = await api.send('GET', `/v1/tenants/acme/deployments/${acme.deploymentId}`, { headers });
  expect(detail.json()).toMatchObject({
    isPinned: true,
    releases: [{ kind: 'rollback', requestedBy: 'private-acme' }, {}],
  });
});

it.each(['live', 'queued', 'building', 'releasing', 'failed', 'superseded', 'skipped', 'cancelled'])(
  'refuses to roll back to a deployment that is %s, with the reason, and writes nothing',
  async (status) => {
    await api.owner('update deployments set status = $1', [status]);
    const reply = await rollback();
    const { detail } = reply.json() as { detail: string };
    expect([reply.status, reply.json()]).toMatchObject([409, { type: 'urn:wherry:problem:deployment.not_restorable' }]);
    expect(detail).toMatch(/^This deployment (is|never served).+\.$/);
    expect([await rollbacks(), await pins()]).toEqual([[], []]);
    const shown = await api.send('GET', `/v1/tenants/acme/deployments/${acme.deploymentId}`, { headers });
    expect(shown.json()).toMatchObject({ rollback: { isPossible: false, reason: detail } });
  },
);

it('refuses to roll back to a deployment whose revisions are no longer kept, naming the functions', async () => {
  await api.owner('update deployment_functions set revision_id = null');
  const reply = await rollback();
  expect([reply.status, reply.json()]).toMatchObject([409, { detail: expect.stringContaining(acme.functionName) }]);
  expect([await rollbacks(), await pins()]).toEqual([[], []]);
  await api.owner('update deployment_functions set revision_id = $1', [acme.revisionId]);
});

it('resumes by removing the pin and planning the head, once', async () => {
  await rollback();
  const reply = await post(`repositories/${acme.repositoryName}/resume`);
  expect([reply.status, reply.json()]).toEqual([202, { isQueued: true, ref: acme.ref }]);
  expect(await pins()).toEqual([]);
  const again = await post(`repositories/${acme.repositoryName}/resume`);
  expect(again.json()).toMatchObject({ isQueued: false });
  const plan = {
    tenantId: acme.tenantId,
    repositoryId: acme.repositoryId,
    ref: acme.ref,
    forcedAt: expect.any(Number),
  };
  expect(await jobs()).toEqual([{ name: 'plan', data: plan }]);
});

it('deploys the head again on request, and says so when there is none', async () => {
  expect((await post(`repositories/${acme.repositoryName}/redeploy`)).status).toBe(202);
  expect(await jobs()).toHaveLength(1);
  await api.owner("update repository_refs set ref = 'refs/heads/other'");
  const empty = await post(`repositories/${acme.repositoryName}/redeploy`);
  expect([empty.status, empty.json()]).toMatchObject([409, { type: 'urn:wherry:problem:repository.empty' }]);
  expect(await jobs()).toHaveLength(1);
});

it('deploys another branch on request: plans its head once, and cancels what the former one had under way', async () => {
  const choose = (branch: string) =>
    api.send('PUT', `/v1/tenants/acme/repositories/${acme.repositoryName}/production-branch`, {
      headers,
      body: { branch },
    });
  const missing = await choose('next');
  expect([missing.status, missing.json()]).toMatchObject([409, { detail: expect.stringContaining('"next"') }]);
  await api.owner(`insert into repository_refs (tenant_id, repository_id, ref, commit_sha)
    select tenant_id, repository_id, 'refs/heads/next', commit_sha from repository_refs`);
  await api.owner("update deployments set status = 'building'");
  expect((await choose('next')).json()).toEqual({ isQueued: true, ref: 'refs/heads/next' });
  expect((await choose('next')).json()).toEqual({ isQueued: false, ref: 'refs/heads/next' });
  expect(await jobs()).toMatchObject([
    { name: 'plan', data: { ref: 'refs/heads/next', forcedAt: expect.any(Number) } },
  ]);
  expect(await api.owner('select 1 from deployments where cancel_requested_at is not null')).toHaveLength(1);
  expect(await api.owner('select production_branch from repositories')).toEqual([{ production_branch: 'next' }]);
  await api.owner('delete from repository_refs where ref = $1', ['refs/heads/next']);
  await api.owner('update repositories set production_branch = $1', [acme.ref.slice('refs/heads/'.length)]);
});

it('asks for a running deployment to be cancelled, keeps the first time, and refuses when it is over', async () => {
  await api.owner("update deployments set status = 'building'");
  const cancel = () => post(`deployments/${acme.deploymentId}/cancel`);
  const at = async () => (await api.owner<{ at: Date }>('select cancel_requested_at as at from deployments'))[0]?.at;
  expect((await cancel()).json()).toMatchObject({ status: 'building', isCancelRequested: true });
  const first = await at();
  expect((await cancel()).status).toBe(202);
  expect(await at()).toEqual(first);
  await api.owner("update deployments set status = 'cancelled'");
  expect((await cancel()).status).toBe(202);
  await api.owner("update deployments set status = 'live'");
  expect((await cancel()).json()).toMatchObject({ type: 'urn:wherry:problem:deployment.finished' });
});

it('lists deployments newest first in pages that neither repeat nor skip any, by repository and status', async () => {
  const copied = 'environment_id, repository_id, root_dir, ref, commit_sha, tree_sha, commit_message, author';
  await api.owner(`insert into deployments (tenant_id, id, ${copied}, status, notes, created_at)
    select tenant_id, 'dep_' || n, ${copied}, case when n % 2 = 0 then 'failed' else 'skipped' end, '["a note"]',
      created_at + (n / 3) * interval '1 second'
    from deployments, generate_series(1, 10) n where id = '${acme.deploymentId}'`);
  const page = async (query: string) => {
    const reply = await api.send('GET', `/v1/tenants/acme/deployments?${query}`, { headers });
    return reply.json() as { deployments: { id: string; createdAt: string }[]; nextCursor: string | null };
  };
  const seen: { id: string; createdAt: string }[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { deployments, nextCursor }: Awaited<ReturnType<typeof page>> = await page(
      `limit=4${cursor && `&cursor=${cursor}`}`,
    );
    seen.push(...deployments);
    cursor = nextCursor;
  }
  expect(new Set(seen.map(({ id }) => id)).size).toBe(11);
  expect(seen.map(({ createdAt }) => createdAt)).toEqual(
    seen
      .map(({ createdAt }) => createdAt)
      .sort()
      .reverse(),
  );
  expect((await page('status=failed')).deployments).toHaveLength(5);
  expect((await page(`repository=${acme.repositoryName}`)).deployments).toHaveLength(11);
  expect((await page('repository=none')).deployments).toEqual([]);
  const one = await api.send('GET', '/v1/tenants/acme/deployments/dep_1', { headers });
  expect(one.json()).toMatchObject({ notes: ['a note'] });
  await api.owner("delete from deployments where id ~ '^dep_[0-9]+$'");
});
