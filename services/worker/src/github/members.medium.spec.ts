import { GithubDouble } from '@wherry/github-double';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Github, GithubPlatform } from '../testing/github-platform';

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

/** As if somebody had signed in, with the role that GitHub gave them then. */
async function signedIn(id: string, githubId: number, login: string, role: string, tenantSlug: string): Promise<void> {
  await platform.sql(`insert into users (id, name, github_id, github_login) values ($1, $1, $2, $3)`, [
    ...[id, githubId, login],
  ]);
  await platform.sql(
    `insert into memberships (tenant_id, user_id, role, source) select id, $1, $2, 'github' from tenants where slug = $3`,
    [id, role, tenantSlug],
  );
}
const members = () => platform.sql(`select user_id, role, source from memberships order by user_id`);
async function anHourLater(): Promise<void> {
  await platform.sql(`update github_installations set refreshed_at = now() - interval '61 minutes'`);
  await platform.look();
}

it('billing managers are in no list of members and stay what they are, until they are it no more', async () => {
  const { id } = await github.createUser({ login: 'penny' });
  await github.addMember({ organisation: 'acme', login: 'penny', role: 'billing_manager' });
  await platform.install();
  await platform.sql(`update tenants set github_member_role = null`);
  await signedIn('usr_p', id, 'penny', 'billing', 'acme');
  await github.renameAccount({ login: 'penny', to: 'pennywise' });
  await anHourLater();
  expect(await members()).toEqual([{ user_id: 'usr_p', role: 'billing', source: 'github' }]);
  await github.addFault({ match: { event: '*' }, lose: true });
  await github.removeMember({ organisation: 'acme', login: 'pennywise' });
  await anHourLater();
  expect(await members()).toEqual([]);
});

it('a person who installed the App for themselves owns their tenant, and nobody else does', async () => {
  const { id } = await github.createUser({ login: 'barbara' });
  const { id: other } = await github.createUser({ login: 'linus' });
  await github.install({ appId: platform.appId, account: 'barbara', repositories: 'all' });
  await platform.handled();
  expect(await platform.sql(`select github_account_type from tenants where slug = 'barbara'`)).toEqual([
    { github_account_type: 'User' },
  ]);
  await signedIn('usr_b', id, 'barbara', 'viewer', 'barbara');
  await signedIn('usr_l', other, 'linus', 'owner', 'barbara');
  await anHourLater();
  expect(await members()).toEqual([{ user_id: 'usr_b', role: 'owner', source: 'github' }]);
});
