import { GithubDouble } from '@wherry/github-double';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Github, GithubPlatform } from '../testing/github-platform';

let github: Github;
let platform: GithubPlatform;
let tenantId: string;

beforeAll(async () => {
  github = await GithubDouble.start();
  platform = await GithubPlatform.create(github);
  await platform.install();
  tenantId = String((await platform.sql(`select id from tenants where github_login = 'acme'`))[0]?.id);
});
afterAll(async () => {
  await platform.close();
  await github.stop();
});
afterEach(async () => {
  platform.intakeStatus = 202;
  platform.registered.aheadMs = 0;
  await github.clearFaults({});
  await platform.handled();
});

const delivery = async (id: string) => (await platform.sql(`select * from github_deliveries where id = $1`, [id]))[0];
const bodyOf = (more: object) =>
  Buffer.from(JSON.stringify({ ...more, installation: { id: platform.installationId } }));

it.each([
  ['failed', 'push', { ref: 7 }],
  ['ignored', 'sponsorship', {}],
  ['ignored', 'issue_comment', { action: 'created', issue: { number: 1 }, comment: { id: 1, body: 'Nice.' } }],
])('a delivery that %s is the tenant’s whose installation sent it (%s)', async (status, event, body) => {
  const id = `of-a-tenant-${event}`;
  await platform.store(id, event, bodyOf(body));
  await platform.handled();
  expect(await delivery(id)).toMatchObject({ status, tenant_id: tenantId });
});

it('a delivery that has to wait is its tenant’s from the first try on, and stays it', async () => {
  const { fullName: repository, id } = await platform.repository();
  await platform.look();
  await github.addFault({ match: { path: `^/repositories/${id}` }, status: 500 });
  await github.push({ repository, branch: 'main', files: { 'a.txt': 'a' } });
  const waiting = () =>
    platform.sql(`select * from github_deliveries where status = 'received' and outcome is not null`);
  await expect.poll(waiting, { timeout: 20_000 }).toMatchObject([{ event: 'push', tenant_id: tenantId }]);
  await github.clearFaults({});
  await platform.handled();
  const [pushed] = await platform.sql(`select * from github_deliveries where event = 'push' and attempts > 1`);
  expect(pushed).toMatchObject({ status: 'done', tenant_id: tenantId, repository_id: expect.any(String) });
  // Handled once more, as an owner may wish, when the body turns out to be of no use.
  await platform.sql(
    `update github_deliveries set status = 'received', body = null, received_at = now() - interval '1 hour' where id = $1`,
    [pushed?.id],
  );
  await platform.look();
  const { repository_id } = pushed ?? {};
  expect(await delivery(String(pushed?.id))).toMatchObject({ status: 'failed', tenant_id: tenantId, repository_id });
});

it.each([-3_600_000, 3_600_000])('what failed is asked for again, also when the clock is %d ms off', async (offMs) => {
  const { fullName: repository, id } = await platform.repository();
  await platform.look();
  platform.aheadMs = offMs;
  await platform.look();
  platform.intakeStatus = 500;
  const { sha } = await github.push({ repository, branch: 'main', files: { 'a.txt': String(offMs) } });
  await github.settled();
  platform.intakeStatus = 202;
  await github.forgetRequests();
  await platform.look();
  platform.aheadMs = 0;
  const asked = (await github.requests()).filter(({ path }) => path.endsWith('/attempts'));
  expect(asked).not.toEqual([]);
  await platform.handled();
  expect((await platform.deployments(id)).at(-1)).toMatchObject({ commit_sha: sha });
});
