import { GithubDouble } from '@wherry/github-double';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Github, GithubPlatform, stack } from '../testing/github-platform';

let github: Github;
let platform: GithubPlatform;

beforeEach(async () => {
  github = await GithubDouble.start();
  platform = await GithubPlatform.create(github);
});
afterEach(async () => {
  const violations = await github.violations();
  await platform.close();
  await github.stop();
  expect(violations).toEqual([]);
});

const tenant = async () => (await platform.sql(`select * from tenants where github_account_id is not null`))[0];
const repositories = () => platform.sql(`select * from repositories where source = 'github' order by github_id`);

describe('an installation', () => {
  it('makes a tenant of its account with production, and connects and deploys what it lists', async () => {
    const { id } = await platform.repository();
    await platform.install();
    expect(await tenant()).toMatchObject({ slug: 'acme', name: 'acme', suspended_at: null });
    expect(
      await platform.sql(`select kind from environments where tenant_id = $1`, [(await tenant())?.id]),
    ).toMatchObject([{ kind: 'production' }]);
    expect(await repositories()).toMatchObject([
      { name: 'shop-1', full_name: 'acme/shop-1', production_branch: 'main', is_private: true, disconnected_at: null },
    ]);
    await expect.poll(async () => (await platform.deployments(id)).length).toBe(1);
  });

  it('takes another slug when another tenant has that name', async () => {
    await platform.sql(`insert into tenants (id, slug, name) values ('ten_other', 'acme', 'Other')`);
    await platform.install();
    expect(await tenant()).toMatchObject({ slug: 'acme-2', github_login: 'acme' });
  });

  it('keeps its slug when its account is renamed, and whoever takes the old name gets another one', async () => {
    await platform.repository();
    await platform.install();
    const [before] = await repositories();
    await github.renameAccount({ login: 'acme', to: 'apex' });
    await platform.handled();
    await platform.look();
    expect(await tenant()).toMatchObject({ id: before?.tenant_id, slug: 'acme', name: 'apex', github_login: 'apex' });
    expect(await repositories()).toMatchObject([{ id: before?.id, full_name: 'apex/shop-1', disconnected_at: null }]);
    await github.createOrganisation({ login: 'acme', members: [{ login: 'grace', role: 'admin' }] });
    await github.install({ appId: platform.appId, account: 'acme', repositories: 'all' });
    await platform.handled();
    expect(await platform.sql(`select slug, name from tenants where github_login = 'acme'`)).toEqual([
      { slug: 'acme-2', name: 'acme' },
    ]);
  });

  it('stops its tenant while it is suspended, and lets it go on after that', async () => {
    const { fullName: repository, id } = await platform.repository();
    const installationId = await platform.install();
    await github.suspend({ installationId });
    await platform.handled();
    expect(await tenant()).toMatchObject({ suspended_at: expect.any(Date), suspended_by: 'github' });
    const { sha } = await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
    await platform.handled();
    expect((await platform.deployments(id)).map(({ commit_sha }) => commit_sha)).not.toContain(sha);
    await github.unsuspend({ installationId });
    await platform.handled();
    expect(await tenant()).toMatchObject({ suspended_at: null, suspended_by: null });
    await expect.poll(async () => (await platform.deployments(id)).at(-1)?.commit_sha).toBe(sha);
  });

  it('does not let a tenant go on that the operator has stopped', async () => {
    const installationId = await platform.install();
    await platform.sql(`update tenants set suspended_at = now(), suspended_by = 'operator' where slug = 'acme'`);
    await github.suspend({ installationId });
    await github.unsuspend({ installationId });
    await platform.handled();
    await platform.look();
    expect(await tenant()).toMatchObject({ suspended_at: expect.any(Date), suspended_by: 'operator' });
  });

  it('that is deleted stops its tenant and says why at each repository; the next one brings back the same', async () => {
    await platform.repository();
    const installationId = await platform.install();
    const [before] = await repositories();
    await github.uninstall({ installationId });
    await platform.handled();
    expect(await tenant()).toMatchObject({ suspended_by: 'github' });
    const reason = expect.stringContaining('uninstalled');
    expect(await repositories()).toMatchObject([{ disconnected_at: expect.any(Date), disconnected_reason: reason }]);
    await platform.install();
    expect(await tenant()).toMatchObject({ id: before?.tenant_id, suspended_at: null });
    expect(await repositories()).toMatchObject([{ id: before?.id, disconnected_at: null, disconnected_reason: null }]);
  });

  it('is followed when no webhook ever tells of it', async () => {
    await github.addFault({ match: { event: 'installation' }, lose: true });
    await platform.repository();
    const installationId = await platform.install();
    await platform.look();
    expect(await repositories()).toMatchObject([{ full_name: 'acme/shop-1', disconnected_at: null }]);
    await github.uninstall({ installationId });
    await platform.look();
    expect(await tenant()).toMatchObject({ suspended_by: 'github' });
  });
});

/** What the audit log says of switches that somebody turned on GitHub, in the order of the turns. */
async function turned(): Promise<unknown[]> {
  const rows = await platform.sql(
    `select action from audit_log where actor_kind = 'github' and target = 'repository/shop-1' and action = any ($1)
     order by id`,
    [['repository.publicize', 'repository.privatize', 'repository.archive', 'repository.unarchive']],
  );
  return rows.map(({ action }) => action);
}

describe('a repository', () => {
  it('keeps what it is through renames and changes of its visibility and default branch', async () => {
    const { fullName: repository, id, sha } = await platform.repository();
    await platform.install();
    const [before] = await repositories();
    await github.renameRepository({ repository, to: 'store' });
    await github.setVisibility({ repository: 'acme/store', private: false });
    await github.setBranch({ repository: 'acme/store', branch: 'trunk', sha });
    await github.setDefaultBranch({ repository: 'acme/store', branch: 'trunk' });
    await platform.handled();
    await platform.look();
    expect(await repositories()).toMatchObject([
      { id: before?.id, name: 'shop-1', full_name: 'acme/store', is_private: false, production_branch: 'trunk' },
    ]);
    const chosen = await platform.sql(`select actor_kind, details from audit_log where action = 'repository.branch'`);
    expect(chosen).toEqual([{ actor_kind: 'github', details: { from: 'main', to: 'trunk' } }]);
    expect(await turned()).toEqual(['repository.publicize']);
    const pushed = await github.push({ repository: 'acme/store', branch: 'trunk', files: { 'a.txt': 'a' } });
    await platform.handled();
    expect((await platform.deployments(id)).at(-1)).toMatchObject({ commit_sha: pushed.sha, kind: 'production' });
  });

  it('that is archived is not deployed until it is taken out of the archive', async () => {
    const { fullName: repository, id, sha: first } = await platform.repository();
    await platform.install();
    await expect.poll(async () => (await platform.deployments(id)).length, { timeout: 20_000 }).toBe(1);
    await github.archiveRepository({ repository });
    await platform.handled();
    expect(await repositories()).toMatchObject([{ is_archived: true, disconnected_at: null }]);
    await github.push({ repository, branch: 'main', files: { 'b.txt': 'b' } });
    await platform.handled();
    await platform.look();
    expect((await platform.deployments(id)).map(({ commit_sha }) => commit_sha)).toEqual([first]);
    await github.archiveRepository({ repository, archived: false });
    await platform.handled();
    expect(await repositories()).toMatchObject([{ is_archived: false, disconnected_at: null }]);
    expect(await turned()).toEqual(['repository.archive', 'repository.unarchive']);
    const { sha } = await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
    await platform.handled();
    expect((await platform.deployments(id)).at(-1)).toMatchObject({ commit_sha: sha });
  });

  it('is disconnected with the reason when it is taken out or deleted, and connected again when it is back', async () => {
    const one = await platform.repository();
    const two = await platform.repository();
    const installationId = await platform.install(['shop-1', 'shop-2']);
    await github.removeRepositories({ installationId, repositories: ['shop-1'] });
    await github.deleteRepository({ repository: two.fullName });
    await platform.handled();
    const reason = expect.stringContaining('does not see');
    expect(await repositories()).toMatchObject([{ disconnected_reason: reason }, { disconnected_reason: reason }]);
    await github.addRepositories({ installationId, repositories: ['shop-1'] });
    await platform.handled();
    expect(await repositories()).toMatchObject([{ disconnected_at: null }, { disconnected_reason: reason }]);
    expect(one.id).toBe(Number((await repositories())[0]?.github_id));
  });

  it('that another installation sends is not followed', async () => {
    const { id } = await platform.repository();
    await github.createRepository({ owner: 'mallory', name: 'evil', files: stack });
    await platform.install();
    const { installationId } = await github.install({ appId: platform.appId, account: 'mallory', repositories: 'all' });
    await platform.handled();
    const body = { ref: 'refs/heads/main', repository: { id }, installation: { id: installationId } };
    await platform.store('forged', 'push', Buffer.from(JSON.stringify(body)));
    await platform.handled();
    const [forged] = await platform.sql(`select * from github_deliveries where id = 'forged'`);
    expect(forged).toMatchObject({
      status: 'ignored',
      outcome: expect.stringContaining('does not list'),
      // Whoever sent it, and not whom it names.
      tenant_id: (await platform.sql(`select id from tenants where slug = 'mallory'`))[0]?.id,
    });
  });

  it('that moves to another organisation is that one’s from then on', async () => {
    const { fullName: repository, id } = await platform.repository();
    await platform.install();
    await github.createOrganisation({ login: 'globex', members: [{ login: 'ada', role: 'admin' }] });
    await github.install({ appId: platform.appId, account: 'globex', repositories: 'all' });
    await platform.handled();
    await github.transferRepository({ repository, owner: 'globex' });
    await platform.handled();
    await platform.look();
    const rows = await platform.sql(
      `select t.slug, r.disconnected_at is null as connected from repositories r join tenants t on t.id = r.tenant_id
       where r.github_id = $1 order by t.slug`,
      [id],
    );
    expect(rows).toEqual([
      { slug: 'acme', connected: false },
      { slug: 'globex', connected: true },
    ]);
  });
});

describe('members', () => {
  it('of the organisation who have signed in get the role of their team, and lose it when they leave', async () => {
    await github.createUser({ login: 'linus' });
    const { id: adaId } = await github.createUser({ login: 'barbara' });
    await github.addMember({ organisation: 'acme', login: 'barbara' });
    await github.addMember({ organisation: 'acme', login: 'grace' });
    const team = await github.createTeam({ organisation: 'acme', slug: 'makers', members: ['barbara'] });
    await platform.install();
    const tenantId = (await tenant())?.id;
    await platform.sql(`insert into users (id, name, github_id) values ('usr_b', 'Barbara', $1)`, [adaId]);
    await platform.sql(
      // The worker may know the team by now.
      `insert into github_team_roles (tenant_id, team_id, team_slug, role) values ($1, $2, 'old', 'developer')
       on conflict (tenant_id, team_id) do update set role = excluded.role`,
      [...[tenantId, team.id]],
    );
    const members = () =>
      platform.sql(`select user_id, role, source from memberships where tenant_id = $1`, [tenantId]);
    await platform.sql(`update github_installations set refreshed_at = now() - interval '61 minutes'`);
    await platform.look();
    expect(await members()).toEqual([{ user_id: 'usr_b', role: 'developer', source: 'github' }]);
    await github.removeTeamMember({ organisation: 'acme', slug: 'makers', login: 'barbara' });
    await platform.handled();
    expect(await members()).toEqual([{ user_id: 'usr_b', role: 'viewer', source: 'github' }]);
    await github.removeMember({ organisation: 'acme', login: 'barbara' });
    await platform.handled();
    expect(await members()).toEqual([]);
  });

  it('are not needed for an owner to see all teams: they are learnt by the hour, renamed and forgotten', async () => {
    const { id } = await github.createTeam({ organisation: 'acme', slug: 'makers' });
    const mapped = await github.createTeam({ organisation: 'acme', slug: 'mapped' });
    await platform.install();
    const teams = async () =>
      (await platform.sql('select team_id::float8 as id, team_slug as slug, role from github_team_roles')).toSorted(
        (one, two) => Number(one.id) - Number(two.id),
      );
    const anHourLater = async () => {
      await platform.sql(`update github_installations set refreshed_at = now() - interval '61 minutes'`);
      await platform.look();
    };
    await anHourLater();
    const first = { id, slug: 'makers', role: null };
    expect(await teams()).toEqual([first, { id: mapped.id, slug: 'mapped', role: null }]);
    await platform.sql(`update github_team_roles set role = 'owner', team_slug = 'former' where team_id = $1`, [
      mapped.id,
    ]);
    await github.deleteTeam({ organisation: 'acme', slug: 'makers' });
    await anHourLater();
    expect(await teams()).toEqual([{ id: mapped.id, slug: 'mapped', role: 'owner' }]);
  });
});
