import { seedTenant, type SeededTenant } from '@wherry/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startApi, type Harness, type Reply } from '../testing/harness';

let api: Harness;
let acme: SeededTenant;
let headers: Record<string, string>;
let count = 0;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  acme = await seedTenant(api.test.url('owner'), `acme${count++}`);
  headers = await api.signIn(acme.userId);
});

const at = (path: string) => `/v1/tenants/${acme.slug}/${path}`;
const setRole = (userId: string, role: string, by = headers): Promise<Reply> =>
  api.send('PUT', at(`members/${userId}`), { headers: by, body: { role } });
const remove = (userId: string): Promise<Reply> => api.send('DELETE', at(`members/${userId}`), { headers });
const typeOf = (reply: Reply): unknown => (reply.json() as { type: string }).type.replace('urn:wherry:problem:', '');

async function addMember(role: string, source = 'manual'): Promise<string> {
  const id = `usr_${acme.slug}_${role}_${source}`;
  await api.owner('insert into users (id, name) values ($1, $1)', [id]);
  await api.owner('insert into memberships (tenant_id, user_id, role, source) values ($1, $2, $3, $4)', [
    ...[acme.tenantId, id, role, source],
  ]);
  return id;
}

it('shows who belongs to a tenant and where their role comes from', async () => {
  const fromGithub = await addMember('developer', 'github');
  const { members } = (await api.send('GET', at('members'), { headers })).json() as { members: object[] };
  expect(members).toHaveLength(2);
  expect(members).toContainEqual(expect.objectContaining({ userId: acme.userId, role: 'owner', source: 'manual' }));
  expect(members).toContainEqual(expect.objectContaining({ userId: fromGithub, role: 'developer', source: 'github' }));
});

it('lets a new role count for the very next request', async () => {
  const userId = await addMember('viewer');
  const theirs = await api.signIn(userId);
  const put = () => api.send('PUT', at('variables/build/X'), { headers: theirs, body: { value: 'x' } });
  expect((await put()).status).toBe(403);
  expect((await setRole(userId, 'developer')).json()).toMatchObject({ userId, role: 'developer' });
  expect((await put()).status).toBe(200);
  expect((await remove(userId)).status).toBe(204);
  expect((await put()).status).toBe(404);
});

it('keeps the last owner, also when two owners take each other the role at once', async () => {
  const refused = await setRole(acme.userId, 'viewer');
  expect([refused.status, typeOf(refused)]).toEqual([409, 'member.last_owner']);
  expect((await remove(acme.userId)).status).toBe(409);
  const other = await addMember('owner');
  const both = await Promise.all([
    setRole(acme.userId, 'viewer', await api.signIn(other)),
    setRole(other, 'viewer', headers),
  ]);
  const owners = await api.owner("select 1 from memberships where tenant_id = $1 and role = 'owner'", [acme.tenantId]);
  expect(owners).toHaveLength(1);
  expect(both.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
});

it('does not let a role that GitHub gives be changed here, where the next look would undo it', async () => {
  const userId = await addMember('developer', 'github');
  for (const reply of [await setRole(userId, 'owner'), await remove(userId)]) {
    expect([reply.status, typeOf(reply)]).toEqual([409, 'member.from_github']);
  }
});

it('writes one row for one change, however often it is asked for', async () => {
  const userId = await addMember('viewer');
  for (let times = 0; times < 2; times++) expect((await setRole(userId, 'billing')).status).toBe(200);
  const rows = await api.owner("select details from audit_log where tenant_id = $1 and action = 'member.role'", [
    acme.tenantId,
  ]);
  expect(rows).toEqual([{ details: { user: userId, from: 'viewer', to: 'billing' } }]);
});

it('gives teams roles, for which the worker looks at once', async () => {
  await api.owner(
    `insert into github_installations (tenant_id, id, account_id, repository_selection, refreshed_at)
     values ($1, $2, $2, 'all', now()) on conflict (tenant_id, id) do nothing`,
    [acme.tenantId, 9_000_000 + count],
  );
  const team = (role: string | null) =>
    api.send('PUT', at(`github-roles/teams/${acme.teamId}`), { headers, body: { role } });
  expect((await team('owner')).json()).toMatchObject({ teams: [{ id: acme.teamId, role: 'owner' }] });
  expect((await team(null)).json()).toMatchObject({ teams: [{ id: acme.teamId, role: null }] });
  const members = { headers, body: { role: null } };
  expect((await api.send('PUT', at('github-roles/members'), members)).json()).toMatchObject({ memberRole: null });
  const due = 'select 1 from github_installations where tenant_id = $1 and refreshed_at is not null';
  expect(await api.owner(due, [acme.tenantId])).toEqual([]);
  const unknown = await api.send('PUT', at('github-roles/teams/4503599627370496'), {
    headers,
    body: { role: 'owner' },
  });
  expect([unknown.status, typeOf(unknown)]).toEqual([404, 'team.not_found']);
});
