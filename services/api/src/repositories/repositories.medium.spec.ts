import type { RepositorySettings } from '@wherry/contract';
import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startApi, type Harness } from '../testing/harness';

let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;

beforeAll(async () => {
  api = await startApi({ settings: { githubUrl: 'https://github.test' } });
  acme = await seedTenant(api.test.url('owner'), 'acme');
  headers = await api.signIn(acme.userId);
});
afterAll(() => api.close());

/** One repository on GitHub, connected, beside the one on the built-in remote. */
beforeEach(async () => {
  await api.owner('delete from pgboss.job');
  await api.owner("delete from repositories where source = 'github'");
  await api.owner(`insert into repositories
    (tenant_id, id, name, source, github_id, installation_id, full_name, default_branch, production_branch)
    values ('ten_acme', 'rep_hub', 'shop', 'github', 42, 7, 'Acme-Inc/Shop', 'main', 'main')`);
});

type Repository = { name: string; gitUrl: string; github: { settings: RepositorySettings } | null };
const base = '/v1/tenants/acme/repositories';
const get = async (name: string) => (await api.send('GET', `${base}/${name}`, { headers })).json() as Repository;
const send = (method: string, path: string, body: object) => api.send(method, `${base}/${path}`, { headers, body });
const plans = async () =>
  (await api.owner<{ data: object }>("select data from pgboss.job where name = 'plan'")).map(({ data }) => data);
const problemOf = (reply: { status: number; json: () => unknown }) => [
  reply.status,
  (reply.json() as { type: string }).type.slice('urn:wherry:problem:'.length),
];

it('tells where a repository is, on GitHub by its name there, and what holds it up', async () => {
  expect(await get('shop')).toMatchObject({
    gitUrl: 'https://github.test/Acme-Inc/Shop.git',
    github: {
      ...{ fullName: 'Acme-Inc/Shop', url: 'https://github.test/Acme-Inc/Shop', defaultBranch: 'main' },
      ...{ isPrivate: true, isArchived: false, disconnectedAt: null, disconnectedReason: null },
      settings: { roots: [{ dir: '.', paths: [] }], previews: { pullRequests: true, outsiders: 'refused' } },
    },
  });
  const builtin = await get(acme.repositoryName);
  expect(builtin).toMatchObject({ github: null, gitUrl: `${api.settings.consoleUrl}/git/acme/repo-acme.git` });
  const list = (await api.send('GET', base, { headers })).json() as { repositories: Repository[] };
  expect(list.repositories).toEqual([builtin, await get('shop')]);
});

it('replaces the settings as a whole, and plans only when they say that something else is deployed', async () => {
  const roots = [{ dir: 'functions/a' }, { dir: 'b', paths: ['b/**', '!b/docs'] }];
  const saved = await send('PUT', 'shop/settings', { roots, feedback: { comments: false } });
  expect([saved.status, saved.json()]).toEqual([200, await get('shop')]);
  expect((await get('shop')).github?.settings).toMatchObject({
    roots: [{ dir: 'functions/a', paths: [] }, roots[1]],
    feedback: { comments: false, checks: true, deployments: true },
    previews: { leaseDays: 14 },
  });
  const plan = { tenantId: 'ten_acme', repositoryId: 'rep_hub', ref: 'refs/heads/main' };
  expect(await plans()).toEqual([plan]);
  await send('PUT', 'shop/settings', { roots, waitForChecks: true });
  await send('PUT', 'shop/settings', { roots, waitForChecks: true });
  expect((await get('shop')).github?.settings).toMatchObject({ waitForChecks: true, feedback: { comments: true } });
  expect(await plans()).toEqual([plan]);
  const rows = await api.owner(
    "select 1 from audit_log where action = 'repository.configure' and tenant_id = 'ten_acme'",
  );
  expect(rows).toHaveLength(2);
});

it('plans everything that has a preview when the folders or the previews change', async () => {
  await api.owner(
    `insert into repository_refs (tenant_id, repository_id, ref, commit_sha)
    values ('ten_acme', 'rep_hub', 'refs/heads/main', $1), ('ten_acme', 'rep_hub', 'refs/heads/try', $1)`,
    ['a'.repeat(40)],
  );
  await api.owner(
    `insert into pull_requests (tenant_id, repository_id, number, title, head_sha, head_ref, base_ref, is_fork, is_draft,
      author_login, author_id, state)
    select 'ten_acme', 'rep_hub', number, '', $1, '', 'main', false, false, 'ada', 1, state
    from (values (7, 'open'), (8, 'closed')) x (number, state)`,
    ['a'.repeat(40)],
  );
  await send('PUT', 'shop/settings', { previews: { pullRequests: false } });
  const refs = ['refs/heads/main', 'refs/heads/try', 'refs/pull/7/head'];
  expect((await plans()).map((job) => (job as { ref: string }).ref).toSorted()).toEqual(refs);
  await send('PUT', 'shop/settings', { previews: { pullRequests: false, leaseDays: 3 } });
  expect(await plans()).toHaveLength(3);
});

it.each([
  { roots: [] },
  { roots: [{ dir: '/etc' }] },
  { roots: [{ dir: 'a/../../b' }] },
  { roots: [{ dir: 'a' }, { dir: 'a' }] },
  { roots: [{ dir: 'a', paths: ['a\u0000'] }] },
  { roots: [{ dir: 'a', paths: ['a\nb'] }] },
  { previews: { leaseDays: 0 } },
  { previews: { outsiders: 'trusted' } },
  { feedback: { emails: true } },
])('refuses settings that mean nothing, and keeps the former ones: %j', async (body) => {
  const before = await get('shop');
  expect((await send('PUT', 'shop/settings', body)).status).toBe(400);
  expect(await get('shop')).toEqual(before);
});

it('has no such settings for a repository on the built-in remote', async () => {
  expect(problemOf(await send('PUT', `${acme.repositoryName}/settings`, {}))).toEqual([
    409,
    'repository.not_on_github',
  ]);
});

it('deploys another branch of a repository on GitHub, whose branches only GitHub knows', async () => {
  await api.owner(`insert into environments (tenant_id, id, name, kind, repository_id, branch, label)
    values ('ten_acme', 'env_try', 'b-try', 'preview', 'rep_hub', 'try', 'b-try--shop--acme')`);
  const deployment = (id: string, environment: string, ref: string) =>
    api.owner(
      `insert into deployments (tenant_id, id, environment_id, repository_id, root_dir, ref, commit_sha, tree_sha,
        commit_message, author, status) values ('ten_acme', $1, $2, 'rep_hub', '.', $3, $4, $4, '', '', 'queued')`,
      [id, environment, ref, 'a'.repeat(40)],
    );
  await deployment('dep_production', acme.environmentId, 'refs/heads/main');
  await deployment('dep_preview', 'env_try', 'refs/heads/try');
  const reply = await send('PUT', 'shop/production-branch', { branch: 'release' });
  expect([reply.status, reply.json()]).toEqual([202, { isQueued: true, ref: 'refs/heads/release' }]);
  // The former one may have a preview from now on.
  const planned = (await plans()).map((job) => (job as { ref: string }).ref);
  expect(planned.toSorted()).toEqual(['refs/heads/main', 'refs/heads/release']);
  // What is on its way to production is cancelled; a preview has nothing to do with it.
  expect(
    await api.owner('select id from deployments where cancel_requested_at is not null and repository_id = $1', [
      'rep_hub',
    ]),
  ).toEqual([{ id: 'dep_production' }]);
  expect((await send('POST', 'shop/redeploy', {})).json()).toEqual({ isQueued: true, ref: 'refs/heads/release' });
  await api.owner("delete from deployments where repository_id = 'rep_hub'");
  await api.owner("delete from environments where id = 'env_try'");
});

it('refuses to deploy what GitHub does not let it read any more, and says why', async () => {
  await api.owner(
    "update repositories set disconnected_at = now(), disconnected_reason = 'The App was uninstalled.' where id = 'rep_hub'",
  );
  const refused = await send('POST', 'shop/redeploy', {});
  expect(problemOf(refused)).toEqual([409, 'repository.disconnected']);
  expect(refused.text).toContain('The App was uninstalled.');
  expect(problemOf(await send('PUT', 'shop/production-branch', { branch: 'x' }))).toEqual([
    409,
    'repository.disconnected',
  ]);
  expect((await send('PUT', 'shop/settings', { roots: [{ dir: 'later' }] })).status).toBe(200);
  expect(await plans()).toEqual([]);
});
