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

/** The organisation changes its name, and mallory takes the old one, before anybody hears of it. */
async function takeName(repository: string): Promise<string> {
  await github.addFault({ match: { event: 'organization' }, lose: true });
  await github.addFault({ match: { event: 'repository' }, lose: true });
  await github.renameAccount({ login: 'acme', to: 'acme-inc' });
  await github.createOrganisation({ login: 'acme', members: [{ login: 'mallory', role: 'admin' }] });
  await github.createRepository({ owner: 'acme', name: repository, private: false, files: stack });
  const { main = '' } = await github.branches({ repository: `acme/${repository}` });
  return main;
}

describe('who takes a name that an organisation gave up', () => {
  it('does not have their code deployed in its place', async () => {
    const { id } = await platform.repository({ ...stack, 'README.md': 'ours' });
    await platform.install();
    await expect.poll(async () => (await platform.deployments(id)).length).toBe(1);
    const theirs = await takeName('shop-1');
    const { sha } = await github.push({ repository: 'acme-inc/shop-1', branch: 'main', files: { 'a.txt': 'a' } });
    await platform.handled();
    const commits = (await platform.deployments(id)).map(({ commit_sha }) => commit_sha);
    expect(commits).not.toContain(theirs);
    expect(commits.at(-1)).toBe(sha);
    const newest = String((await platform.deployments(id)).at(-1)?.id);
    const orders = () => platform.platform.keeper.builders.get(newest);
    await expect.poll(orders).toBeDefined();
    expect(orders()?.[0]?.order.source.url).toBe(`${github.url}/acme-inc/shop-1.git`);
  });

  it('gives nobody of theirs a role, and takes none away', async () => {
    await platform.install();
    for (const login of ['ada', 'mallory']) {
      const { id } = (await (await fetch(`${github.apiUrl}/users/${login}`)).json()) as { id: number };
      await platform.sql('insert into users (id, name, github_id) values ($1, $1, $2)', [login, id]);
    }
    const members = () => platform.sql('select user_id, role from memberships order by user_id');
    await github.createTeam({ organisation: 'acme', slug: 'makers', members: ['ada'] });
    await platform.handled();
    expect(await members()).toEqual([{ user_id: 'ada', role: 'owner' }]);
    await takeName('shop-1');
    await github.createTeam({ organisation: 'acme-inc', slug: 'others', members: ['ada'] });
    const deliveries = await platform.handled();
    expect(deliveries.at(-1)).toMatchObject({ event: 'team', outcome: 'The members were compared; 0 changed.' });
    expect(await members()).toEqual([{ user_id: 'ada', role: 'owner' }]);
  });
});
